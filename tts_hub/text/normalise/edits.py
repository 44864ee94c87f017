"""Edits of a text that keep the origin of every character in the text that the user wrote."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

Piece = tuple[str, int, int]
"""A text, and the characters `[start, end)` of the draft that it replaces; none for an insertion."""
Rewrite = Callable[[re.Match[str]], str | Sequence[Piece] | None]
"""A function of a match that returns a text for all of it, or pieces in order, or None to leave it."""


@dataclass(frozen=True, slots=True)
class SpokenText:
    """The text that an engine gets, and the origin of each of its characters."""

    source: str
    """The text that the user wrote."""
    text: str
    starts: Sequence[int] = ()
    """The first character of `source` behind each character of `text`; empty if the text is unchanged."""
    ends: Sequence[int] = ()
    """The end of the same characters of `source`; equal to the start for an inserted character."""

    @property
    def changed(self) -> bool:
        """Whether the engine gets another text than the user wrote."""
        return self.text != self.source

    def origin(self, start: int, end: int) -> tuple[int, int] | None:
        """The characters of the source behind a part of `text`; None if all of it was inserted."""
        if not self.starts:
            return start, end
        known = [at for at in range(start, end) if self.starts[at] < self.ends[at]]
        if not known:
            return None
        return min(self.starts[at] for at in known), max(self.ends[at] for at in known)

    def kept(self) -> bytearray:
        """One flag for each character of the source: 1 if the engine gets it as it is, else 0."""
        if not self.starts:
            return bytearray(b"\1") * len(self.source)
        flags = bytearray(len(self.source))
        for character, start, end in zip(self.text, self.starts, self.ends, strict=True):
            if end == start + 1:
                flags[start] = self.source[start] == character
        return flags


class Draft:
    """Edits a text from left to right, pass by pass, and keeps the origin of every character."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._source = text
        self._starts: list[int] = []
        self._ends: list[int] = []

    def edit(self, pattern: re.Pattern[str], rewrite: Rewrite) -> None:
        """Rewrite every match of a pattern; a match stays where `rewrite` returns None."""
        made, at = list[Piece](), 0
        for match in pattern.finditer(self.text):
            new = rewrite(match)
            if new is None or new == match.group():
                continue
            start, end = match.span()
            made.append((self.text[at:start], at, start))
            made += [(new, start, end)] if isinstance(new, str) else new
            at = end
        if made:
            made.append((self.text[at:], at, len(self.text)))
            self._replace(made)

    def finish(self) -> SpokenText:
        """The text after all edits."""
        if self.text == self._source:
            return SpokenText(self._source, self._source)
        return SpokenText(self._source, self.text, self._starts, self._ends)

    def _replace(self, pieces: Iterable[Piece]) -> None:
        if not self._starts:
            self._starts = list(range(len(self._source)))
            self._ends = list(range(1, len(self._source) + 1))
        texts, starts, ends = list[str](), list[int](), list[int]()
        for new, start, end in pieces:
            texts.append(new)
            if new == self.text[start:end]:
                starts += self._starts[start:end]
                ends += self._ends[start:end]
            else:
                low, high = self._region(start, end)
                starts += [low] * len(new)
                ends += [high] * len(new)
        self.text, self._starts, self._ends = "".join(texts), starts, ends

    def _region(self, start: int, end: int) -> tuple[int, int]:
        """The characters of the source behind `[start, end)` of the draft."""
        if start < end:
            return min(self._starts[start:end]), max(self._ends[start:end])
        at = self._starts[start] if start < len(self._starts) else len(self._source)
        return at, at


def joined(source: str, parts: Sequence[SpokenText]) -> SpokenText:
    """The parts of a source as one text; they cover it in order."""
    starts, ends, offset = list[int](), list[int](), 0
    for part in parts:
        own = part.starts or range(len(part.text))
        starts += [offset + at for at in own]
        ends += [offset + at for at in part.ends or range(1, len(part.text) + 1)]
        offset += len(part.source)
    text = "".join(part.text for part in parts)
    return SpokenText(source, text, starts, ends) if text != source else SpokenText(source, source)
