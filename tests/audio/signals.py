"""Made-up audio that behaves like speech: a gliding voice in syllables, with some breath."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from tts_hub.audio.pcm import silence
from tts_hub.types import Samples


def speech(rate: int, seconds: float, *, peak: float = 0.5, seed: int = 0) -> Samples:
    """Speech-like samples of shape (T,), without silence, loud and soft by turns."""
    generator = np.random.default_rng(seed)
    times = np.arange(round(rate * seconds)) / rate
    pitch = 2 * np.pi * (130 * times + 4 * np.sin(2 * np.pi * 0.7 * times))
    voice = np.sum([np.sin(pitch * harmonic) / harmonic for harmonic in range(1, 9)], axis=0)
    syllables = 0.55 + 0.45 * np.sin(2 * np.pi * 3.3 * times + seed)
    mixed: NDArray[np.float64] = voice * syllables + 0.05 * generator.standard_normal(len(times))
    mixed *= peak / np.abs(mixed).max()
    return mixed.astype(np.float32)


def tone(rate: int, seconds: float, *, frequency: float = 440.0, peak: float = 0.5) -> Samples:
    times = np.arange(round(rate * seconds)) / rate
    return (peak * np.sin(2 * np.pi * frequency * times)).astype(np.float32)


def padded(samples: Samples, before: int, after: int) -> Samples:
    return np.concatenate([silence(before), samples, silence(after)])


def cut(samples: Samples, sizes: Iterable[int]) -> Iterator[Samples]:
    """The samples in chunks of these sizes, over and over until they are used up."""
    sizes = [size for size in sizes if size > 0] or [len(samples)]
    position = index = 0
    while position < len(samples):
        size = sizes[index % len(sizes)]
        yield samples[position : position + size]
        position += size
        index += 1
