"""The words of a stream, kept small: a book has a million of them."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from typing import overload

from tts_hub.types import WordTiming

BREVITY = 40
"""Words up to this length are stored once however often they are said."""


class WordLog(Sequence[WordTiming]):
    """A growing sequence of `WordTiming`; some 40 bytes a word instead of 300."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._times = array("d")
        self._spans = array("q")
        self._known: dict[str, str] = {}

    def extend(self, words: Iterable[WordTiming]) -> None:
        """Add words behind the others."""
        for word in words:
            text = word.text
            self._texts.append(self._known.setdefault(text, text) if len(text) <= BREVITY else text)
            self._times.extend((word.start, word.end))
            self._spans.extend(word.span)

    def __len__(self) -> int:
        return len(self._texts)

    @overload
    def __getitem__(self, index: int) -> WordTiming: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[WordTiming]: ...
    def __getitem__(self, index: int | slice) -> WordTiming | Sequence[WordTiming]:
        if isinstance(index, slice):
            return tuple(self[i] for i in range(*index.indices(len(self))))
        at = range(len(self))[index]  # knows negative indexes, and raises IndexError
        start, end = self._times[2 * at : 2 * at + 2]
        low, high = self._spans[2 * at : 2 * at + 2]
        return WordTiming(self._texts[at], start, end, (low, high))
