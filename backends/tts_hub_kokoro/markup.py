"""Inline phonemes in a text: `[tomato](/təmˈɑːtoʊ/)` is said as written between the slashes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_INLINE = re.compile(r"\[(?P<word>[^\[\]\n]{1,100})\]\(/(?P<phonemes>[^/()\n]{1,200})/\)")


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of the text in one way of reading it."""

    text: str
    """To be read; of inline phonemes, the word they stand for."""
    start: int
    """Where `text` begins, in characters of the whole."""
    phonemes: str | None = None
    """How it is said, where the text tells."""


def parts_of(text: str) -> Iterator[Part]:
    """The text in order, with inline phonemes apart from the rest."""
    at = 0
    for found in _INLINE.finditer(text):
        if found.start() > at:
            yield Part(text[at : found.start()], at)
        yield Part(found["word"], found.start("word"), found["phonemes"].strip())
        at = found.end()
    if at < len(text):
        yield Part(text[at:], at)
