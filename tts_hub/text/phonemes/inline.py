"""Inline phonemes in a text: `[tomato](/təmˈɑːtoʊ/)` is spoken as written between the slashes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_INLINE = re.compile(r"\[(?P<word>[^\[\]\n]{1,100})\]\(/(?P<phonemes>[^/()\n]{1,200})/\)")


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a text: plain text, or a word with inline phonemes."""

    text: str
    """The plain text, or the word."""
    start: int
    """Index of its first character in the whole text."""
    phonemes: str | None = None
    """The inline phonemes; None for plain text."""


def parts_of(text: str) -> Iterator[Part]:
    """The parts of a text in order."""
    at = 0
    for found in _INLINE.finditer(text):
        if found.start() > at:
            yield Part(text[at : found.start()], at)
        yield Part(found["word"], found.start("word"), found["phonemes"].strip())
        at = found.end()
    if at < len(text):
        yield Part(text[at:], at)
