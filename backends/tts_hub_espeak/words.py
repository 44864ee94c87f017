"""Word timings on the text, from the engine's word events.

The engine reports most words once; it does not report short ones that it joins (`of the`), and reports
numbers and addresses several times. Rules: the first event of a token counts; tokens without an event share
the time of the token before them, by length; a word ends where the next word or a silence begins.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from tts_hub.text.words import Token, combining, tokens
from tts_hub.types import Samples, WordTiming
from tts_hub_espeak.engine import WordEvent

SILENCE = 1e-3  # of full scale 1; the engine's noise in a pause is lower
PAUSE_SECONDS = 0.06  # shorter silences are closures of consonants, inside or between words
UNSPACED_SCRIPTS = (("\u0e00", "\u0eff"), ("\u1000", "\u109f"), ("\u1780", "\u17ff"))


class WordTimer:
    """Takes the audio and the events of one text, and returns the words that are complete."""

    def __init__(self, text: str, sample_rate: int, *, ssml: bool = False) -> None:
        self._text = text
        self._rate = sample_rate
        self._ahead = tokens(text, ssml=ssml)
        self._next = next(self._ahead, None)
        self._group: list[Token] = []  # the tokens spoken since `_start`, not yet reported
        self._start = 0  # sample
        self._alias_end: int | None = None  # sample
        self._received = 0  # samples
        self._voiced = 0  # end of the last sample that is not silence

    @property
    def silent(self) -> bool:
        """Whether there has been no sound yet."""
        return self._voiced == 0

    def feed(self, samples: Samples, events: Sequence[WordEvent]) -> list[WordTiming]:
        """Take in the next samples (T,) and their events; returns the words that are complete now."""
        origin, done = self._received, list[WordTiming]()
        for event in events:
            at = min(max(event.sample, self._received), origin + len(samples))
            self._scan(samples[self._received - origin : at - origin])
            done += self._begin(event.position, at)
        self._scan(samples[self._received - origin :])
        return done

    def finish(self) -> list[WordTiming]:
        """The words that were still open when the audio ended."""
        left = [] if self._next is None else [self._next, *self._ahead]
        self._next = None
        return self._turn([token for token in left if token.wordlike], [], self._received)

    def _scan(self, samples: Samples) -> None:
        voiced = np.flatnonzero(np.abs(samples) > SILENCE)
        if len(voiced):
            self._voiced = self._received + int(voiced[-1]) + 1
        self._received += len(samples)

    def _begin(self, position: int, at: int) -> list[WordTiming]:
        """Begin a word at sample `at`; returns the words before it."""
        passed = self._passed(position)
        if not passed:
            return self._again(position, at)
        *skipped, spoken = passed
        skipped = [token for token in skipped if token.wordlike]
        alias = next((n for n, token in enumerate(skipped) if token.aliased), len(skipped))
        joined = alias if self._group else 0  # at the very start there is nothing to join them to
        return self._turn(skipped[:joined], [*skipped[joined:], spoken], at)

    def _passed(self, position: int) -> list[Token]:
        """The tokens up to the one at `position`, removed from those ahead."""
        passed: list[Token] = []
        while self._next is not None and self._next.reach <= position:
            passed.append(self._next)
            self._next = next(self._ahead, None)
        return passed

    def _again(self, position: int, at: int) -> list[WordTiming]:
        """Take in a further event of the last token, which ends an alias, or splits a run without spaces."""
        if not self._group:
            return []
        last = self._group[-1]
        if any(token.aliased for token in self._group[:-1]):
            self._alias_end = at  # the events before this one were the words of the alias
        elif last.start < position < last.end and _splits_at(self._text[position]):
            self._group[-1] = dataclasses.replace(last, end=position)
            return self._turn([], [dataclasses.replace(last, start=position)], at)
        return []

    def _turn(self, joined: Sequence[Token], begun: Sequence[Token], at: int) -> list[WordTiming]:
        """Close the open words with those `joined` to them, and open those that have `begun`."""
        group, done = [*self._group, *joined], list[WordTiming]()
        if self._alias_end is not None:
            last = len(self._group) - 1
            done = self._close(group[:last], self._alias_end)
            group, self._start = group[last:], self._alias_end
        done += self._close(group, at)
        self._group, self._start, self._alias_end = list(begun), at, None
        return done

    def _close(self, group: Sequence[Token], at: int) -> list[WordTiming]:
        """Share the time from `_start` to sample `at`, less the pause at its end, by length."""
        paused = at - self._voiced >= PAUSE_SECONDS * self._rate
        end = max(self._start, self._voiced if paused else at)
        letters = sum(token.end - token.start for token in group)
        per_letter = (end - self._start) / max(letters, 1)
        timings, spoken = list[WordTiming](), 0
        for token in group:
            start, spoken = spoken, spoken + token.end - token.start
            timings.append(self._timing(token, start * per_letter, spoken * per_letter))
        return timings

    def _timing(self, token: Token, start: float, end: float) -> WordTiming:
        """The timing of a token; `start` and `end` are samples after `_start`."""
        return WordTiming(
            text=self._text[token.start : token.end],
            start=(self._start + start) / self._rate,
            end=(self._start + end) / self._rate,
            span=(token.start, token.end),
        )


def _splits_at(character: str) -> bool:
    """Whether a word can begin inside a run: in Thai, Lao, Burmese and Khmer, which do not space words."""
    unspaced = any(first <= character <= last for first, last in UNSPACED_SCRIPTS)
    return unspaced and not combining(character)
