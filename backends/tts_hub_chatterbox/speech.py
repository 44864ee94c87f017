"""One segment on its way through a model: the blocking side, in a thread of its own."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from tts_hub.threads import Emit
from tts_hub.types import AudioChunk, FinishReason
from tts_hub_chatterbox.chance import generator_for
from tts_hub_chatterbox.conditioning import Conditioning
from tts_hub_chatterbox.memory import memory_told
from tts_hub_chatterbox.model import SAMPLE_RATE, TOKENS_PER_SECOND, Chatterbox
from tts_hub_chatterbox.nets.t3 import STOP_SPEECH
from tts_hub_chatterbox.sampling import SamplingOptions
from tts_hub_chatterbox.watermark import Watermarker

Stage = Literal["speech tokens", "mel", "samples", "watermark"]


@dataclass(frozen=True, slots=True)
class Made:
    """How far it has come."""

    stage: Stage
    """What is being done."""
    text_tokens: int
    speech_tokens: int
    seconds: float
    """Spent so far."""

    @property
    def real_time_factor(self) -> float:
        """Time spent per second of speech whose tokens are there."""
        return self.seconds * TOKENS_PER_SECOND / max(1, self.speech_tokens)


@dataclass(frozen=True, slots=True)
class Speech:
    """What to say, and how."""

    model: Chatterbox
    watermarker: Watermarker | None
    text: tuple[int, ...]
    """Token ids."""
    voice: Conditioning
    options: SamplingOptions
    seed: int
    segment: int
    limit: int
    """Speech tokens."""

    def produce(self, emit: Emit[Made | AudioChunk]) -> None:
        """Emit a `Made` for every token and stage, which is where it can be stopped, then the audio.

        Raises:
            GenerationError: numbers that are not finite, no room, or the device's memory is used up.
            Stopped: by `emit`, when nobody listens any more.
        """
        with memory_told("chatterbox", self.model.device):
            self._produce(emit)

    def _produce(self, emit: Emit[Made | AudioChunk]) -> None:
        began = time.perf_counter()
        tokens: list[int] = []

        def tell(stage: Stage) -> None:
            emit(Made(stage, len(self.text), len(tokens), time.perf_counter() - began))

        drawn = self.model.speech_tokens(
            self.text, self.voice, self.options, self._chance("tokens", self.model.device), limit=self.limit
        )
        for token in drawn:
            tokens.append(token)
            tell("speech tokens")
        tell("mel")
        mel = self.model.mel(tokens, self.voice, self._chance("flow"))
        tell("samples")
        samples = self.model.samples(mel, self._chance("source"))
        if self.watermarker is not None:
            tell("watermark")
            samples = self.watermarker.apply(samples, SAMPLE_RATE)
        finish: FinishReason = "stop" if tokens[-1] == STOP_SPEECH else "length"
        emit(AudioChunk(np.clip(samples, -1, 1), SAMPLE_RATE, finish_reason=finish))

    def _chance(self, use: str, device: torch.device | str = "cpu") -> torch.Generator:
        return generator_for(self.seed, self.segment, use, device)
