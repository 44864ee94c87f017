"""What all segments of a model share on their way to sound: its nets, the watermark and the options."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tts_hub_chatterbox.nets.units import TOKENS_PER_SECOND
from tts_hub_chatterbox.render.recorded_passes import RecordedPasses
from tts_hub_chatterbox.render.rendering import Rendering, RenderOptions, tokens_needed
from tts_hub_chatterbox.render.watermark import Watermarker
from tts_hub_chatterbox.scheduler.chunk_plan import Chunks
from tts_hub_chatterbox.scheduler.speech import Speech
from tts_hub_chatterbox.voices.conditioning import Conditioning
from tts_hub_chatterbox.voices.voice_memory import VoiceMemories, with_prompt_of

if TYPE_CHECKING:
    from tts_hub_chatterbox.model import Chatterbox

SECOND_SECONDS = 0.8
"""Of the second chunk at least: each takes its time however short it is."""
LATER_SECONDS = 2.0
"""Of the first chunk of a segment that is made while the one before it is heard."""


class Voicebox:
    """What all segments of a model are spoken with."""

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
        self._first_chunk_seconds = first_chunk_seconds
        self._growth = chunk_growth
        self._longest_chunk_seconds = longest_chunk_seconds

    def prepare(self, voice: Conditioning) -> None:
        """What is computed once for a voice."""
        if self.options.prompt == "remembered":
            self.memories.get(with_prompt_of(voice, self.options.prompt_seconds), self.options.flow_steps)

    def warm_up(self) -> None:
        """Record the passes of all lengths there can be, where passes are recorded."""
        if self._passes is not None:
            self._passes.record_all()

    def chunks(self, index: int) -> Chunks:
        """Of a segment: small ones first where somebody waits, that is in the first segment of a request."""
        longest = self._longest_chunk_seconds
        first = self._first_chunk_seconds if index == 0 else min(LATER_SECONDS, longest)
        # As short as the first one, for there is little in hand yet.
        then = min(max(SECOND_SECONDS, first), longest)
        return Chunks(
            first=tokens_needed(first, self.model.flow, self.watermarker),
            size=then * TOKENS_PER_SECOND,
            growth=self._growth,
            longest=longest * TOKENS_PER_SECOND,
        )

    def rendering(self, speech: Speech, take: int) -> Rendering:
        """Of one take of a segment."""
        return Rendering(
            self.model,
            speech.voice,
            flow_chance=speech.chance("flow", take),
            source_chance=speech.chance("source", take),
            watermarker=self.watermarker,
            options=self.options,
            memories=self.memories,
            passes=self._passes,
        )
