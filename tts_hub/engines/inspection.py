"""What an engine hands over for a segment, checked before anybody relies on it."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from dataclasses import fields, replace
from itertools import pairwise
from typing import Any, NoReturn, get_args

import numpy as np

from tts_hub.audio.limits import SPEECH_RATES
from tts_hub.errors import GenerationError
from tts_hub.types import AudioChunk, FinishReason, RetakeReason, Usage, WordTiming

PIECE_SECONDS = 1.0
"""Chunks are cut into pieces of about this length: shaping a longer one would hold up the event loop."""
EARLY = 0.05
"""Seconds by which a word may begin before its segment or the word before it: an engine's clock rounds."""
BEYOND = 1.0
"""Seconds by which a word may end after the audio of its segment, whose end may have been trimmed."""
MOST_COUNTED = 1e12
"""Characters, tokens or credits that a service can have counted for one segment."""
_FINISH_REASONS = get_args(FinishReason)
_RETAKE_REASONS = get_args(RetakeReason)


class Inspection:
    """Checks the chunks of one segment, in order, and cuts them into pieces that are quick to work on."""

    def __init__(self, text: str, backend: str) -> None:
        self.peak = 0.0
        """The largest magnitude so far."""
        self._text = text
        self._backend = backend
        self._seconds = 0.0
        self._last: WordTiming | None = None
        self._latest = 0.0
        """When the last word ends, in seconds."""

    def pieces(self, chunk: AudioChunk) -> Generator[AudioChunk, None, None]:
        """The chunk, or what it was cut into; words come with the piece that they end in.

        Raises:
            GenerationError: the samples are not mono float32 or not finite, the rate is no rate of speech, a
                word does not lie in the text or is out of order, or what it says besides makes no sense.
        """
        self._check_form(chunk)
        self._check_notes(chunk)
        count = max(1, round(chunk.seconds / PIECE_SECONDS))
        borders = [len(chunk.samples) * i // count for i in range(count + 1)]
        reported = 0
        for begin, end in pairwise(borders):
            is_last = end == len(chunk.samples)
            samples = chunk.samples[begin:end]
            self._note_peak(samples)
            self._seconds += len(samples) / chunk.sample_rate
            first = reported
            while reported < len(chunk.words):
                word = chunk.words[reported]
                if not is_last and self._ends(word) > self._seconds:
                    break
                self._check_word(word)
                reported += 1
            words = tuple(chunk.words[first:reported])
            yield _piece(chunk, samples, words, is_first=begin == 0, is_last=is_last)
            if is_last:
                return

    def finish(self) -> None:
        """The segment has ended.

        Raises:
            GenerationError: a word ends long after the audio.
        """
        if self._latest > self._seconds + BEYOND:
            self._refuse(f"timed a word that ends at {self._latest:g} s in {self._seconds:.2f} s of audio")

    def _check_form(self, chunk: Any) -> None:
        if not isinstance(chunk, AudioChunk):
            self._refuse(f"gave {_named(chunk)}; an AudioChunk belongs there")
        samples, rate = chunk.samples, chunk.sample_rate
        if not isinstance(samples, np.ndarray) or samples.dtype != np.float32 or samples.ndim != 1:
            shape, kind = getattr(samples, "shape", None), getattr(samples, "dtype", type(samples).__name__)
            self._refuse(f"gave {kind} samples of shape {shape}; mono float32 of shape (T,) belongs there")
        if type(rate) is not int or rate not in SPEECH_RATES:
            low, high = SPEECH_RATES[0], SPEECH_RATES[-1]
            self._refuse(f"gave audio at {_shown(rate)} Hz; an integer from {low} to {high} belongs there")
        if not isinstance(chunk.words, tuple | list):
            self._refuse(f"gave {_named(chunk.words)} for words; a tuple of WordTiming belongs there")

    def _check_notes(self, chunk: AudioChunk) -> None:
        """What it says besides the audio."""
        reason, seed, usage = chunk.finish_reason, chunk.seed, chunk.usage
        if reason is not None and not _is_one_of(reason, _FINISH_REASONS):
            self._refuse(f"gave the finish_reason {_shown(reason)}; possible: {', '.join(_FINISH_REASONS)}")
        if not isinstance(chunk.retakes, tuple | list) or not all(
            _is_one_of(retake, _RETAKE_REASONS) for retake in chunk.retakes
        ):
            self._refuse(f"gave the retakes {_shown(chunk.retakes)}; possible: {', '.join(_RETAKE_REASONS)}")
        if type(chunk.estimated_words) is not bool:
            self._refuse(f"gave {_named(chunk.estimated_words)} for estimated_words; a bool belongs there")
        if seed is not None and (type(seed) is not int or seed < 0):
            self._refuse(f"gave the seed {_shown(seed)}; an integer from 0 belongs there")
        if usage is not None:
            self._check_usage(usage)

    def _check_usage(self, usage: Usage) -> None:
        if not isinstance(usage, Usage):
            self._refuse(f"gave {_named(usage)} for usage; a Usage belongs there")
        for field in fields(usage):
            counted = getattr(usage, field.name)
            if counted is None:
                continue
            if type(counted) not in {int, float} or not 0 <= counted <= MOST_COUNTED:
                self._refuse(f"reports that its service counted {_shown(counted)} {field.name}")

    def _note_peak(self, samples: np.ndarray[Any, np.dtype[np.float32]]) -> None:
        peak = float(max(np.max(samples, initial=0.0), -np.min(samples, initial=0.0)))
        if not math.isfinite(peak):
            self._refuse("gave samples that are not finite numbers")
        self.peak = max(self.peak, peak)

    def _ends(self, word: Any) -> float:
        """When a word that is not checked yet ends; what is no word is met at once."""
        end = getattr(word, "end", 0.0)
        return end if isinstance(end, float | int) and math.isfinite(end) else 0.0

    def _check_word(self, word: WordTiming) -> None:
        if not isinstance(word, WordTiming):
            self._refuse(f"gave {_named(word)} among its words; a WordTiming belongs there")
        times_are_numbers = all(isinstance(t, float | int | np.floating) for t in (word.start, word.end))
        span_is_one = isinstance(word.span, tuple) and [type(place) for place in word.span] == [int, int]
        if not (times_are_numbers and span_is_one):
            self._refuse(f"timed a word by values of wrong types: {_shown(word)}")
        start, end = word.span
        in_text = 0 <= start <= end <= len(self._text) and self._text[start:end] == word.text
        in_time = -EARLY <= word.start <= word.end < math.inf
        if not (in_text and in_time):
            self._refuse(
                "timed a word that is not in the text or not in time: "
                f"span {word.span} of {len(self._text)} characters, {word.start:g} to {word.end:g} s"
            )
        last = self._last
        if last is not None and (start < last.span[0] or word.start < last.start - EARLY):
            self._refuse(
                f"timed its words out of order: {_shown(last.text)} at {last.start:g} s of span {last.span}, "
                f"then {_shown(word.text)} at {word.start:g} s of span {word.span}"
            )
        self._last = word
        self._latest = max(self._latest, word.end)

    def _refuse(self, what: str) -> NoReturn:
        raise GenerationError(f"engine {self._backend!r} {what}", backend=self._backend)


def _piece(
    chunk: AudioChunk,
    samples: np.ndarray[Any, np.dtype[np.float32]],
    words: Sequence[WordTiming],
    *,
    is_first: bool,
    is_last: bool,
) -> AudioChunk:
    """A part of a chunk: the first one has its retakes, the last one its usage and how it ended."""
    if is_first and is_last:
        return chunk
    return replace(
        chunk,
        samples=samples,
        words=tuple(words),
        finish_reason=chunk.finish_reason if is_last else None,
        usage=chunk.usage if is_last else None,
        retakes=chunk.retakes if is_first else (),
    )


def _is_one_of(value: object, known: Sequence[str]) -> bool:
    return isinstance(value, str) and value in known


def _named(value: object) -> str:
    return "None" if value is None else f"an object of type {type(value).__name__}"


def _shown(value: object, most: int = 80) -> str:
    text = repr(value)
    return text if len(text) <= most else text[:most] + "…"
