"""Word timings, from the durations that a model predicts, or estimated where it predicts none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tts_hub.text.phonemes.symbols import PUNCTUATION, STRESS
from tts_hub.text.phonemes.transcription import Transcription
from tts_hub.types import Samples, WordTiming

SILENCE = 1e-2
"""Share of the highest sample below which audio counts as silence."""
WEIGHTS = {" ": 0.3, "ː": 0.8} | dict.fromkeys(STRESS, 0.2) | dict.fromkeys(PUNCTUATION, 2.5)
"""Symbol -> its length as a share of a usual sound's, for estimates."""


@dataclass(frozen=True, slots=True)
class SymbolRun:
    """Symbols in a row that belong to one word, or to none."""

    label: int | None
    length: int
    spaced: bool
    """Whether a space follows."""


def timed_words(
    spoken: Transcription,
    text: str,
    durations: NDArray[np.int64] | None,
    samples: Samples,
    *,
    sample_rate: int,
    frame_samples: int,
    lead_frames: int = 0,
    offset: float = 0.0,
) -> tuple[WordTiming, ...]:
    """The words of one piece with audio `samples` (T,), in seconds; the piece begins at `offset`.

    `durations` (N + 2,) are frames of `frame_samples` for each of the N symbols and the marks around them;
    with None the times are estimates, by the usual lengths of the symbols. `lead_frames` of the first mark do
    not count, so that all words begin earlier.
    """
    runs = list(_runs(spoken))
    if durations is None:
        spans = _estimated(spoken, runs, samples, sample_rate)
    else:
        half_frame = frame_samples / (2 * sample_rate)
        spans = [(a * half_frame, b * half_frame) for a, b in _predicted(runs, durations, lead_frames)]
    ended = offset + len(samples) / sample_rate
    shifted = [(min(offset + start, ended), min(offset + end, ended)) for start, end in spans]
    return tuple(_by_word(spoken, text, runs, shifted))


def _predicted(
    runs: Sequence[SymbolRun], durations: NDArray[np.int64], lead_frames: int
) -> list[tuple[int, int]]:
    """The start and end of each run in half frames, as in Kokoro's pipeline (`KPipeline.join_timestamps`).

    Half frames allow to halve the time of a space between its neighbours.
    """
    spans: list[tuple[int, int]] = []
    left = right = 2 * max(0, int(durations[0]) - lead_frames)
    at = 1
    for run in runs:
        behind = at + run.length
        start = left
        spoken = int(durations[at:behind].sum())
        space = int(durations[behind]) if run.spaced else 0
        left = right + 2 * spoken + space
        spans.append((start, left))
        right = left + space
        at = behind + run.spaced
    return spans


def _estimated(
    spoken: Transcription, runs: Sequence[SymbolRun], samples: Samples, sample_rate: int
) -> list[tuple[float, float]]:
    """The start and end of each run in seconds: shares of the audible part, by the symbols' usual lengths."""
    weights = np.array([WEIGHTS.get(symbol, 1.0) for symbol in spoken.phonemes])
    weights[len(spoken.phonemes.rstrip(" " + "".join(PUNCTUATION))) :] = (
        0  # the audible part ends before the last pause
    )
    edges = np.concatenate([[0.0], np.cumsum(weights)]) / max(float(weights.sum()), 1e-9)
    audible = np.flatnonzero(np.abs(samples) > SILENCE * np.abs(samples).max(initial=0.0))
    first, last = (audible[0], audible[-1] + 1) if len(audible) else (0, len(samples))
    seconds = (first + edges * (last - first)) / sample_rate
    spans, at = list[tuple[float, float]](), 0
    for run in runs:
        spans.append((float(seconds[at]), float(seconds[at + run.length])))
        at += run.length + run.spaced
    return spans


def _runs(spoken: Transcription) -> Iterator[SymbolRun]:
    """The runs of symbols of one word each, without spaces."""
    phonemes, at = spoken.phonemes, 0
    while at < len(phonemes):
        end = at + 1
        while end < len(phonemes) and phonemes[end] != " " and spoken.labels[end] == spoken.labels[at]:
            end += 1
        spaced = end < len(phonemes) and phonemes[end] == " "
        yield SymbolRun(spoken.labels[at], end - at, spaced)
        at = end + spaced


def _by_word(
    spoken: Transcription, text: str, runs: Sequence[SymbolRun], spans: Sequence[tuple[float, float]]
) -> Iterator[WordTiming]:
    """The words, from their first run to their last; no word begins before the one before has ended."""
    found: dict[int, tuple[float, float]] = {}
    for run, (start, end) in zip(runs, spans, strict=True):
        if run.label is not None:
            found[run.label] = (found.get(run.label, (start, end))[0], end)
    earliest = 0.0
    for label, times in sorted(found.items()):
        start = max(times[0], earliest)
        earliest = max(times[1], start)
        low, high = spoken.words[label]
        yield WordTiming(text[low:high], start, earliest, (low, high))
