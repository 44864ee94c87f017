"""A text that hibari's reader rewrote, with the origin of each character: it does not report its changes."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

from tts_hub.text.normalise.edits import SpokenText

_WORD = re.compile(r"\S+")
Span = tuple[int, int]
"""Characters `[start, end)` of a text."""


def traced(source: str, text: str) -> SpokenText:
    """`text`, which was made of `source`, word by word.

    Words that are equal or equally long are traced character by character. Where several words stand for
    several others, they share their characters in order.
    """
    if source == text:
        return SpokenText(source, text)
    before, after = _words(source), _words(text)
    starts, ends = [0] * len(text), [0] * len(text)
    old, new = [source[a:b] for a, b in before], [text[a:b] for a, b in after]
    at = 0
    for _, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        for j in range(j1, j2):
            origin = before[i1 + (j - j1) * (i2 - i1) // (j2 - j1)] if i2 > i1 else (at, at)
            _trace(after[j], origin, starts, ends)
            at = origin[1]
        at = before[i2 - 1][1] if i2 > i1 else at
    return SpokenText(source, text, starts, ends)


def _words(text: str) -> list[Span]:
    return [found.span() for found in _WORD.finditer(text)]


def _trace(word: Span, origin: Span, starts: list[int], ends: list[int]) -> None:
    alike = word[1] - word[0] == origin[1] - origin[0]
    for place in range(*word):
        starts[place] = origin[0] + place - word[0] if alike else origin[0]
        ends[place] = starts[place] + 1 if alike else origin[1]
