"""One segment on its way through a model: the blocking side, in a thread of its own."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import torch

from tts_hub.errors import GenerationError
from tts_hub.threads import Emit
from tts_hub.types import AudioChunk, FinishReason
from tts_hub_chatterbox.chance import generator_for
from tts_hub_chatterbox.conditioning import Conditioning
from tts_hub_chatterbox.model import SAMPLE_RATE, TOKENS_PER_SECOND, Chatterbox
from tts_hub_chatterbox.nets.t3 import STOP_SPEECH
from tts_hub_chatterbox.sampling import SamplingOptions
from tts_hub_chatterbox.watermark import Watermarker


@dataclass(frozen=True, slots=True)
class Made:
    """How far it has come."""

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
        """Emit a `Made` for every token, which is where it can be stopped, then the audio.

        Raises:
            GenerationError: numbers that are not finite, no room, or the device's memory is used up.
            Stopped: by `emit`, when nobody listens any more.
        """
        try:
            self._produce(emit)
        except torch.OutOfMemoryError as exc:
            torch.cuda.empty_cache()  # what this segment held must not be missing for the next one
            raise GenerationError(
                f"the memory of the device is used up: {exc}", backend="chatterbox"
            ) from exc

    def _produce(self, emit: Emit[Made | AudioChunk]) -> None:
        began = time.perf_counter()
        tokens: list[int] = []
        for token in self.model.speech_tokens(
            self.text,
            self.voice,
            self.options,
            generator_for(self.seed, self.segment, "tokens", self.model.device),
            limit=self.limit,
        ):
            tokens.append(token)
            emit(Made(len(self.text), len(tokens), time.perf_counter() - began))
        samples = self.model.samples(
            tokens,
            self.voice,
            generator_for(self.seed, self.segment, "flow"),
            generator_for(self.seed, self.segment, "source"),
        )
        if self.watermarker is not None:
            samples = self.watermarker.apply(samples, SAMPLE_RATE)
        finish: FinishReason = "stop" if tokens[-1] == STOP_SPEECH else "length"
        emit(AudioChunk(np.clip(samples, -1, 1), SAMPLE_RATE, finish_reason=finish))
