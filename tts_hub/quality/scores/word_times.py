"""The errors of reported word times, against words spoken apart with known silence between them.

The truth is in the audio itself: between two words lies silence, so the sound of each word begins and ends
where the level says. The word times of a recogniser would not do: they are 130 ms early in the median.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tts_hub.quality.scores.edges import stretches
from tts_hub.types import Samples, WordTiming

PAUSE = 0.6
"""Seconds of silence between two words."""
LEAST_SILENCE = 0.3
"""Seconds of silence that part two words: shorter ones, as before the `t` in `water`, lie within a word."""
WORDS = (
    "garden", "doctor", "button", "number", "dinner", "bottle", "letter", "money", "river", "winter",
    "yellow", "double", "golden", "banana", "reading", "lemon", "working", "nature", "building", "mountain",
    "ladder", "dragon", "butter", "giant", "melon", "window", "remember", "walnut", "meadow", "morning",
    "wonder", "liberal", "mineral", "reason", "nobody", "lawyer", "nation", "million", "margin", "native",
)  # fmt: skip
"""English words that begin with a voiced sound: a `t` begins with silence, which belongs to the word."""
WORDS_AT_ONCE = 8
"""Words of one request."""


@dataclass(frozen=True, slots=True)
class TimeErrors:
    """The errors of the times of several words, in seconds; positive: reported too late."""

    starts: tuple[float, ...]
    ends: tuple[float, ...]

    def __add__(self, other: TimeErrors) -> TimeErrors:
        return TimeErrors(self.starts + other.starts, self.ends + other.ends)


@dataclass(frozen=True, slots=True)
class TimeFigures:
    """The errors of word times in numbers, in seconds."""

    count: int
    median: float
    """The median of the absolute errors."""
    p95: float
    """The 95th percentile of the absolute errors."""
    bias: float
    """The median of the errors with their sign; negative: reported too early."""


def texts_of_words(words: Sequence[str] = WORDS, at_once: int = WORDS_AT_ONCE) -> list[str]:
    """Texts that have the words spoken apart: each is a segment of its own, with a pause tag between."""
    groups = [words[at : at + at_once] for at in range(0, len(words), at_once)]
    return [f" [pause {PAUSE:g}s] ".join(f"{word.capitalize()}." for word in group) for group in groups]


def time_errors(samples: Samples, sample_rate: int, reported: Sequence[WordTiming]) -> TimeErrors | None:
    """The errors of the reported words of one such text; None where the audio shows another number of words.

    Pause tags are no words: a reported word without letters outside of brackets is left out.
    """
    truth = stretches(samples, sample_rate, LEAST_SILENCE)
    words = [word for word in reported if re.search(r"[^\W\d_]", word.text)]
    if len(truth) != len(words):
        return None
    return TimeErrors(
        tuple(word.start - start for word, (start, _) in zip(words, truth, strict=True)),
        tuple(word.end - end for word, (_, end) in zip(words, truth, strict=True)),
    )


def time_figures(errors: Sequence[float]) -> TimeFigures | None:
    """The figures of errors in seconds; None without any."""
    if not errors:
        return None
    absolute = np.abs(errors)
    return TimeFigures(
        len(errors),
        float(np.median(absolute)),
        float(np.percentile(absolute, 95)),
        float(np.median(errors)),
    )
