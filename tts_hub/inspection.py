"""What an engine hands over, checked before anybody relies on it."""

from __future__ import annotations

import math
from dataclasses import fields

import numpy as np

from tts_hub.errors import GenerationError
from tts_hub.types import AudioChunk, Usage, WordTiming

SAMPLE_RATES = (8_000, 192_000)
"""Hz that an engine may speak at."""
EARLY = 0.05
"""Seconds by which a word may begin before its segment does: rounding of the engine's own clock."""


def peak_of(chunk: AudioChunk, text: str, backend: str) -> float:
    """The largest magnitude of a chunk that is in order.

    Raises:
        GenerationError: the samples are not mono float32 or not finite, the rate is no rate of speech, a
            word does not lie in the text, or what was counted is no count.
    """
    samples, rate = chunk.samples, chunk.sample_rate
    if not isinstance(samples, np.ndarray) or samples.dtype != np.float32 or samples.ndim != 1:
        shape = getattr(samples, "shape", None)
        kind = getattr(samples, "dtype", type(samples).__name__)
        raise GenerationError(
            f"engine {backend!r} gave {kind} samples of shape {shape}; "
            "mono float32 of shape (T,) belongs there",
            backend=backend,
        )
    if not isinstance(rate, int) or not SAMPLE_RATES[0] <= rate <= SAMPLE_RATES[1]:
        low, high = SAMPLE_RATES
        raise GenerationError(
            f"engine {backend!r} gave audio at {rate!r} Hz; an integer from {low} to {high} belongs there",
            backend=backend,
        )
    for word in chunk.words:
        _check_word(word, text, backend)
    if chunk.usage is not None:
        _check_usage(chunk.usage, backend)
    peak = float(max(np.max(samples, initial=0.0), -np.min(samples, initial=0.0)))
    if not math.isfinite(peak):
        raise GenerationError(f"engine {backend!r} gave samples that are not finite numbers", backend=backend)
    return peak


def _check_usage(usage: Usage, backend: str) -> None:
    for name in fields(usage):
        counted = getattr(usage, name.name)
        if counted is not None and not 0 <= counted < math.inf:
            raise GenerationError(
                f"engine {backend!r} says that its service counted {counted!r} {name.name}", backend=backend
            )


def _check_word(word: WordTiming, text: str, backend: str) -> None:
    start, end = word.span
    in_text = 0 <= start <= end <= len(text) and text[start:end] == word.text
    in_time = -EARLY <= word.start <= word.end < math.inf
    if not (in_text and in_time):
        raise GenerationError(
            f"engine {backend!r} timed a word that is not in the text or not in time: "
            f"span {word.span} of {len(text)} characters, {word.start:g} to {word.end:g} s",
            backend=backend,
        )
