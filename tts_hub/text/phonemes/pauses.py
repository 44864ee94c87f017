"""Word times held to the sound: next to silence, the sound itself says where a word begins and ends.

The durations of a model put the end of a silence some 30 to 110 ms too late, differently in each voice, and
give a sound before a pause a part of the pause.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tts_hub.types import Samples, WordTiming

SILENCE = 2e-2
"""Share of the highest sample below which audio counts as silence: -34 dB."""
LEAST_PAUSE = 0.12
"""Seconds of silence that are a pause: the closure of a `t` is shorter, and belongs to the `t`."""
REACH = 0.15
"""Seconds between a predicted start and the end of a pause within which the word begins there."""


def held_to_sound(
    words: Sequence[WordTiming], samples: Samples, *, sample_rate: int, offset: float = 0.0
) -> tuple[WordTiming, ...]:
    """The words of a piece with audio `samples` (T,), which begins at `offset` seconds."""
    loud = np.flatnonzero(np.abs(samples) > SILENCE * np.abs(samples).max(initial=0.0))
    if not len(loud):
        return tuple(words)
    breaks = np.flatnonzero(np.diff(loud) >= LEAST_PAUSE * sample_rate)
    onsets = offset + np.concatenate([loud[:1], loud[breaks + 1]]) / sample_rate
    sounding = offset + loud / sample_rate
    return tuple(_ordered(_held(word, onsets, sounding, 1 / sample_rate) for word in words))


def _held(
    word: WordTiming, onsets: NDArray[np.float64], sounding: NDArray[np.float64], sample: float
) -> WordTiming:
    """A word that begins at an onset near its start, and ends with its last audible sample."""
    near = onsets[(np.abs(onsets - word.start) <= REACH) & (onsets < word.end)]
    start = float(near[np.argmin(np.abs(near - word.start))]) if len(near) else word.start
    last = int(np.searchsorted(sounding, word.end)) - 1
    is_audible = last >= 0 and float(sounding[last]) >= start
    end = min(float(sounding[last]) + sample, word.end) if is_audible else word.end
    return replace(word, start=start, end=max(end, start))


def _ordered(words: Iterator[WordTiming]) -> Iterator[WordTiming]:
    """The words, none of which begins before the one before it has ended."""
    earliest = 0.0
    for word in words:
        start = max(word.start, earliest)
        earliest = max(word.end, start)
        yield replace(word, start=start, end=earliest)
