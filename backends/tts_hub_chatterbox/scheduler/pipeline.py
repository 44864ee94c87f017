"""What all segments of a model share on their way to sound: the nets, the watermark and the options."""

from __future__ import annotations

from tts_hub_chatterbox.model import Chatterbox
from tts_hub_chatterbox.nets.units import TOKENS_PER_SECOND
from tts_hub_chatterbox.render.recorded_passes import RecordedPasses
from tts_hub_chatterbox.render.rendering import Rendering, RenderOptions, tokens_needed
from tts_hub_chatterbox.render.watermark import Watermarker
from tts_hub_chatterbox.scheduler.chunk_plan import ChunkPlan
from tts_hub_chatterbox.scheduler.segment import Segment
from tts_hub_chatterbox.voices.conditioning import Conditioning
from tts_hub_chatterbox.voices.voice_memory import VoiceMemories, cut_prompt

LEAST_SECOND_CHUNK = 0.8
"""Seconds of a second chunk at least: each chunk takes some time however short it is."""
LATER_FIRST_CHUNK = 2.0
"""Seconds of the first chunk of a segment that is rendered while the one before it is played."""


class Pipeline:
    """A model with all that its segments are rendered with."""

    def __init__(
        self,
        model: Chatterbox,
        watermarker: Watermarker | None,
        options: RenderOptions,
        *,
        first_chunk_seconds: float,
        chunk_growth: float,
        longest_chunk_seconds: float,
        retakes: int,
    ) -> None:
        self.model = model
        self.watermarker = watermarker
        self.options = options
        self.memories = VoiceMemories(model.flow)
        is_recorded = model.device.type == "cuda" and options.prompt == "exact"
        self._passes = RecordedPasses(model.flow, options.flow_steps) if is_recorded else None
        self.retakes = retakes
        """Further takes of a segment whose take failed the checks, at most."""
        self._first_chunk_seconds = first_chunk_seconds
        self._growth = chunk_growth
        self._longest_chunk_seconds = longest_chunk_seconds

    def prepare(self, voice: Conditioning) -> None:
        """Compute what is kept of a voice, unless it is there."""
        if self.options.prompt == "remembered":
            self.memories.get(cut_prompt(voice, self.options.prompt_seconds), self.options.flow_steps)

    def warm_up(self) -> None:
        """Record the passes of all lengths there can be, where passes are recorded."""
        if self._passes is not None:
            self._passes.record_all()

    def chunk_plan(self, index: int) -> ChunkPlan:
        """The chunks of a segment; those of a request's first segment begin small, as the client waits."""
        longest = self._longest_chunk_seconds
        first = self._first_chunk_seconds if index == 0 else min(LATER_FIRST_CHUNK, longest)
        # As short as the first one, for there is little audio in hand yet.
        then = min(max(LEAST_SECOND_CHUNK, first), longest)
        return ChunkPlan(
            first=tokens_needed(first, self.model.flow, self.watermarker),
            size=then * TOKENS_PER_SECOND,
            growth=self._growth,
            longest=longest * TOKENS_PER_SECOND,
        )

    def rendering(self, segment: Segment, take: int) -> Rendering:
        """A new rendering of a segment; takes count from 0."""
        return Rendering(
            self.model,
            segment.voice,
            flow_generator=segment.generator("flow", take),
            source_generator=segment.generator("source", take),
            watermarker=self.watermarker,
            options=self.options,
            memories=self.memories,
            passes=self._passes,
        )
