"""Word timings of a service, which refer to its own spelling, matched to the words of the text."""

from __future__ import annotations

from collections import deque

from tts_hub.text.words import Token, tokens
from tts_hub.types import WordTiming

LOOK_AHEAD = 6
"""Words of the text that may be skipped to find a spoken one."""


class WordMatcher:
    """Takes the spoken words in order, and returns each word of the text once its times are certain.

    A word that is spoken otherwise than written ("forty two" for 42) gets the time between its neighbours.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._left: deque[Token] = deque(token for token in tokens(text) if token.wordlike)
        self._open: list[tuple[float, float]] = []
        """Times of spoken words that match no word of the text yet."""
        self._part = ""
        """The rest of a word that is spoken in parts, such as well-known."""
        self._current: tuple[Token, float, float] | None = None

    def match(self, word: str, start: float, end: float) -> list[WordTiming]:
        """Take in a spoken word with its times in seconds; returns words of the text that are certain now.

        A service may report `had—as` as one word: its parts share the time by their lengths.
        """
        parts = [token for token in tokens(word) if token.wordlike]
        total = sum(part.end - part.start for part in parts)
        settled, done = list[WordTiming](), 0
        for part in parts:
            begin = start + (end - start) * done / total
            done += part.end - part.start
            settled += self._match_part(
                word[part.start : part.end], begin, start + (end - start) * done / total
            )
        return settled

    def _match_part(self, word: str, start: float, end: float) -> list[WordTiming]:
        plain = _plain(word)
        if not plain:
            return []
        if self._current is not None and self._part.startswith(plain):
            token, begin, _ = self._current
            self._part = self._part.removeprefix(plain)
            self._current = (token, begin, max(end, begin))
            return self._closed() if not self._part else []
        skipped = self._position_of(plain)
        if skipped is None:
            self._open.append((start, end))
            return []
        settled = self._closed() + self._share(skipped, start)
        token = self._left.popleft()
        self._part = _plain(self._text[token.start : token.end]).removeprefix(plain)
        self._current = (token, start, max(start, end))
        return settled + (self._closed() if not self._part else [])

    def finish(self) -> list[WordTiming]:
        """The words that were still open when the last one was spoken."""
        end = self._open[-1][1] if self._open else None
        settled = self._closed()
        return settled + (self._share(len(self._left), end) if end is not None else [])

    def _position_of(self, plain: str) -> int | None:
        for index, token in zip(range(LOOK_AHEAD), self._left, strict=False):
            written = _plain(self._text[token.start : token.end])
            if written == plain or (written.startswith(plain) and len(plain) > 1):
                return index
        return None

    def _closed(self) -> list[WordTiming]:
        if self._current is None:
            return []
        token, start, end = self._current
        self._current, self._part = None, ""
        return [self._timing(token, start, end)]

    def _share(self, count: int, until: float) -> list[WordTiming]:
        """The next `count` words of the text: they share the time of the unmatched spoken words."""
        skipped = [self._left.popleft() for _ in range(count)]
        said, self._open = self._open, []
        if not skipped or not said:
            return []
        start, end = said[0][0], min(said[-1][1], max(until, said[0][0]))
        total = sum(token.end - token.start for token in skipped)
        shared, done = [], 0
        for token in skipped:
            begin = start + (end - start) * done / total
            done += token.end - token.start
            shared.append(self._timing(token, begin, start + (end - start) * done / total))
        return shared

    def _timing(self, token: Token, start: float, end: float) -> WordTiming:
        return WordTiming(self._text[token.start : token.end], start, end, (token.start, token.end))


def _plain(word: str) -> str:
    return "".join(c for c in word.casefold() if c.isalnum())
