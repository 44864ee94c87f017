"""Word timings of a text, from the times of its characters."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

from tts_hub.text.words import tokens
from tts_hub.types import WordTiming
from tts_hub_remote.words import WordMatcher

TOLERANCE = 0.02
"""Seconds by which a word may end after the audio that has arrived."""
Timed = tuple[str, float, float]
"""(characters, start, end) in seconds."""


def in_seconds(value: Any) -> list[Timed]:
    """The characters of an `alignment` of the HTTP stream; none if it is missing or broken."""
    if not isinstance(value, Mapping):
        return []
    return _timed(
        value.get("characters"),
        value.get("character_start_times_seconds"),
        value.get("character_end_times_seconds"),
    )


def in_milliseconds(value: Any, since: float) -> list[Timed]:
    """The characters of an `alignment` of the websocket, whose chunk begins at `since` seconds."""
    if not isinstance(value, Mapping):
        return []
    durations = value.get("charDurationsMs", value.get("charsDurationsMs"))
    timed = _timed(value.get("chars"), value.get("charStartTimesMs"), durations)
    return [(c, since + start / 1000, since + (start + long) / 1000) for c, start, long in timed]


class SpokenWords:
    """Takes characters with their times in order, and returns the words of the text as it was written.

    The characters may be those of the text or of its normalised form: words that are spoken otherwise than
    written get the time between their neighbours.
    """

    def __init__(self, text: str) -> None:
        self._matcher = WordMatcher(text)
        self._run: list[Timed] = []
        """Single characters since the last white space."""
        self._settled: deque[WordTiming] = deque()
        self._last = 0.0

    def read(self, characters: Iterable[Timed]) -> None:
        """Take in the next characters."""
        for said, start, end in characters:
            if said.isspace():
                self._close_run()
            else:
                self._run += [(character, start, end) for character in said]

    def until(self, seconds: float) -> tuple[WordTiming, ...]:
        """The words, each once, that are certain and lie within `seconds` of audio."""
        ready = []
        while self._settled and self._settled[0].end <= seconds + TOLERANCE:
            ready.append(self._fitted(self._settled.popleft(), seconds))
        return tuple(ready)

    def finish(self, seconds: float) -> tuple[WordTiming, ...]:
        """The remaining words of `seconds` of audio; words that begin after its end are left out."""
        self._close_run()
        self._settled += self._matcher.finish()
        rest = [self._fitted(word, seconds) for word in self._settled if word.start < seconds]
        self._settled.clear()
        return tuple(rest)

    def _close_run(self) -> None:
        run, self._run = self._run, []
        spelled = "".join(character for character, _, _ in run)
        for token in tokens(spelled):
            if token.wordlike:
                start, end = run[token.start][1], run[token.end - 1][2]
                self._settled += self._matcher.match(spelled[token.start : token.end], start, end)

    def _fitted(self, word: WordTiming, seconds: float) -> WordTiming:
        """The word moved into the audio and behind the word before: the service rounds its times."""
        start = min(max(word.start, self._last), seconds)
        self._last = end = min(max(word.end, start), seconds)
        return WordTiming(word.text, start, end, word.span)


def _timed(characters: Any, starts: Any, ends: Any) -> list[Timed]:
    if not all(isinstance(values, list) for values in (characters, starts, ends)):
        return []
    rows = list(zip(characters, starts, ends, strict=False))
    sound = all(isinstance(c, str) and _is_time(start) and _is_time(end) for c, start, end in rows)
    return [(c, float(start), float(end)) for c, start, end in rows] if sound else []


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value) and value >= 0
