"""From speech tokens to marked samples while more tokens come: flow, vocoder and watermark of one segment.

Audio that is rendered in passes is as long as audio rendered at once, and starts from the same random
numbers. It differs because the flow's frames see less of the speech before and after them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import torch

from tts_hub.errors import ConfigError
from tts_hub.types import Samples
from tts_hub_chatterbox.nets.flow import Flow
from tts_hub_chatterbox.nets.units import (
    CLOSING_SILENCE,
    CODEBOOK_SIZE,
    FRAMES_PER_TOKEN,
    SAMPLE_RATE,
    SILENCE,
    TOKENS_PER_SECOND,
)
from tts_hub_chatterbox.nets.vocoder import Vocoder
from tts_hub_chatterbox.render.mel_stream import MelStream
from tts_hub_chatterbox.render.recorded_passes import RecordedPasses
from tts_hub_chatterbox.render.vocoder_stream import HELD_BACK, VocoderStream
from tts_hub_chatterbox.render.watermark import Watermarker
from tts_hub_chatterbox.voices.conditioning import MAX_FLOW_PROMPT, Conditioning
from tts_hub_chatterbox.voices.voice_memory import VoiceMemories, cut_prompt

SAMPLES_PER_TOKEN = SAMPLE_RATE // TOKENS_PER_SECOND
SAMPLES_PER_FRAME = SAMPLES_PER_TOKEN // FRAMES_PER_TOKEN


class Nets(Protocol):
    """The nets of a model that make sound."""

    @property
    def device(self) -> torch.device:
        """The device of the nets."""

    @property
    def flow(self) -> Flow:
        """Tokens to mel."""

    @property
    def vocoder(self) -> Vocoder:
        """Mel to samples."""


@dataclass(frozen=True, slots=True)
class RenderOptions:
    """The options of rendering.

    Raises:
        ConfigError: a value is out of its range, or two values contradict each other.
    """

    flow_steps: int = 2
    """Steps from noise to mel. The published pipeline takes 2; its model card says that 1 is enough."""
    context_tokens: int = 50
    """Tokens of the speech before the new ones in a pass of the flow, 25 a second."""
    prompt: Literal["exact", "remembered"] = "exact"
    """`exact`: each pass computes the frames of the voice's clip again, as the published pipeline does.
    `remembered`: each voice's frames are stored once, and new frames attend to them: an approximation."""
    context: Literal["exact", "remembered"] = "exact"
    """The same for the speech before the new tokens; `remembered` needs a remembered prompt."""
    prompt_seconds: float = 10.0
    """Seconds of the voice's clip, from its beginning; the published pipeline takes 10."""

    def __post_init__(self) -> None:
        longest = MAX_FLOW_PROMPT / TOKENS_PER_SECOND
        if not 1 <= self.flow_steps <= 100:
            raise ConfigError(f"flow_steps must be 1 to 100, not {self.flow_steps}")
        if self.context_tokens < 0:
            raise ConfigError(f"context_tokens must be at least 0, not {self.context_tokens}")
        if not 0 < self.prompt_seconds <= longest:
            raise ConfigError(f"prompt_seconds must be above 0, up to {longest:g}, not {self.prompt_seconds}")
        if self.context == "remembered" and self.prompt == "exact":
            raise ConfigError("context can be 'remembered' only if prompt is 'remembered', not 'exact'")


class Rendering:
    """The rendering of one segment. Blocks; for one thread at a time."""

    def __init__(
        self,
        nets: Nets,
        voice: Conditioning,
        *,
        flow_generator: torch.Generator,
        source_generator: torch.Generator,
        watermarker: Watermarker | None,
        options: RenderOptions,
        memories: VoiceMemories | None = None,
        passes: RecordedPasses | None = None,
    ) -> None:
        """Prepare a rendering. This computes nothing, unless the voice is not in the memories yet.

        Args:
            nets: the nets of the model; the memories must be of the same flow.
            voice: the voice that speaks.
            flow_generator: a generator of the CPU, for the mel.
            source_generator: a generator of the CPU, for the voice's phases and breath.
            watermarker: None: the samples are not marked.
            options: the options of rendering.
            memories: the store of remembered prompts.
            passes: recorded passes of the flow; None: the flow is called directly.

        Raises:
            ConfigError: the options ask for a remembered prompt, and there are no memories.
        """
        if options.prompt == "remembered" and memories is None:
            raise ConfigError("prompt 'remembered' needs memories of voices")
        with torch.inference_mode():
            self._mels = MelStream(
                nets.flow,
                cut_prompt(voice, options.prompt_seconds),
                flow_generator,
                steps=options.flow_steps,
                context=options.context_tokens,
                memories=memories if options.prompt == "remembered" else None,
                keeps_speech=options.context == "remembered",
                passes=passes,
            )
            self._vocoder = VocoderStream(nets.vocoder, source_generator, nets.device)
        self._watermark = None if watermarker is None else watermarker.stream(SAMPLE_RATE)

    @property
    def waiting(self) -> int:
        """Pushed tokens that no pass has covered yet; at most 3 of them were looked ahead to."""
        return self._mels.waiting

    def push(self, tokens: Sequence[int]) -> None:
        """Take speech ids as they are sampled; start and stop among them are left out."""
        self._mels.push([token for token in tokens if token < CODEBOOK_SIZE])

    @torch.inference_mode()
    def render(self, *, final: bool) -> Samples:
        """Run one pass over the pushed tokens; returns the samples (N,) float32 at 24 kHz that are ready.

        There may be none. With `final` the closing silence is added and all samples are returned; then no
        more tokens may be pushed.
        """
        if final:
            self._mels.push(CLOSING_SILENCE * [SILENCE])
        mel = self._mels.advance(final=final)  # (1, 80, F)
        samples: Samples = self._vocoder.push(mel, final=final).cpu().numpy()  # (N,)
        if self._watermark is not None:
            samples = self._watermark.finish(samples) if final else self._watermark.push(samples)
        return np.clip(samples, -1, 1)


def tokens_needed(seconds: float, flow: Flow, watermarker: Watermarker | None) -> int:
    """How many tokens must be pushed until `render` returns the first so many seconds.

    For a voice whose prompt ends within a token it is half a token more.
    """
    samples = math.ceil(seconds * SAMPLE_RATE)
    if watermarker is not None:
        samples = watermarker.stream(SAMPLE_RATE).needed(samples)
    samples += HELD_BACK * SAMPLES_PER_FRAME
    return flow.config.encoder.lookahead + math.ceil(samples / SAMPLES_PER_TOKEN)
