"""When each word of a text is said, from when each character is."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

from tts_hub.text.tokens import tokens
from tts_hub.types import WordTiming
from tts_hub_remote.words import WordMatcher

TOLERANCE = 0.02
"""Seconds that a word may reach beyond the audio that has come."""
Timed = tuple[str, float, float]
"""(characters, start, end) in seconds."""


def in_seconds(value: Any) -> list[Timed]:
    """The characters of an `alignment` of the HTTP stream; none if there is none, or it is broken."""
    if not isinstance(value, Mapping):
        return []
    return _timed(
        value.get("characters"),
        value.get("character_start_times_seconds"),
        value.get("character_end_times_seconds"),
    )


def in_milliseconds(value: Any, since: float) -> list[Timed]:
    """The same for the websocket, whose times begin with the chunk: at `since` seconds."""
    if not isinstance(value, Mapping):
        return []
    durations = value.get("charDurationsMs", value.get("charsDurationsMs"))
    timed = _timed(value.get("chars"), value.get("charStartTimesMs"), durations)
    return [(c, since + start / 1000, since + (start + long) / 1000) for c, start, long in timed]


class SpokenWords:
    """Feed it characters with their times, in order; it gives the words of the text as it was written.

    The characters may be those of the text, or of how it was read: words that were said otherwise than
    written get the time between their neighbours.
    """

    def __init__(self, text: str) -> None:
        self._matcher = WordMatcher(text)
        self._run: list[Timed] = []
        """Characters since the last white space, one each."""
        self._settled: deque[WordTiming] = deque()
        self._last = 0.0

    def read(self, characters: Iterable[Timed]) -> None:
        """Take in what was said next."""
        for said, start, end in characters:
            if said.isspace():
                self._close_run()
            else:
                self._run += [(character, start, end) for character in said]

    def until(self, seconds: float) -> tuple[WordTiming, ...]:
        """Words that are settled, and lie within the audio that has come; each is given once."""
        ready = []
        while self._settled and self._settled[0].end <= seconds + TOLERANCE:
            ready.append(self._fitted(self._settled.popleft(), seconds))
        return tuple(ready)

    def finish(self, seconds: float) -> tuple[WordTiming, ...]:
        """The rest, when all audio has come; words that would begin behind it were not heard."""
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
        """In order, and inside the audio: the service rounds its times."""
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
