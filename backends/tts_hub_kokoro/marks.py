"""The marks of a line: which are punctuation, and which belong to a word or number.

espeak-ng returns no punctuation, so it gets the text in pieces, and the marks are put between their phonemes.
A mark counts only where a sentence pauses: the points in `0.5`, `Node.js` and `U.S.` are left to espeak-ng.
phonemizer can keep punctuation too, but searches each mark from the start of the line: it takes the full stop
of `It is 0.5.` out of the number (`Punctuation._preserve_line`, version 3.4.0).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass

MARKS = ';:,.!?¡¿—…"«»“”(){}[]'
"""Punctuation in phonemizer, with which the model was trained."""
EndsSentence = Callable[[str, str], bool]
"""Function that says whether a sentence ends between two texts; the first ends with a full stop."""
CONTEXT = 200
"""Characters on each side of a full stop that decide whether a sentence ends there."""
LIST_DIGITS = 3
"""Most digits in the number of a list item."""

_ADDRESS = re.compile(
    r"(?<![\w.+-])(?:(?:[a-z][a-z0-9+.-]*+://|www\.)[^\s<>\"“”«»]+|[\w.+-]++@[\w-]++(?:\.[\w-]++)+)",
    re.ASCII | re.IGNORECASE,
)
_BEHIND_ADDRESS = re.compile(r"[.,;:!?…)\]}'’]+$")
_DASH = re.compile(r"(?<=\S\s)(?:[-–]|-{2,3})(?=\s|$)|(?<=[^\W\d_])-{2,3}(?=[^\W_])|―")
_BARE_FRACTION = re.compile(r"(?<![\w.,])(?P<sign>[-−]?)\.(?=\d)")
_SHORT_PARTS = re.compile(r"(?<![^\W\d_])(?P<first>[A-Z][a-z])\.(?P<second>[A-Z])(?![^\W\d_])")
_ENDING_MARKS = frozenset("\"”»)]}'’…!?")


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a line: words, or the marks between them with the spaces around."""

    text: str
    marks: bool


def dashed(line: str) -> str:
    """The line with all forms of a dash as `—`, which the model knows.

    A single stroke between two numbers may be a sign or a range, and is kept.
    """

    def dash(found: re.Match[str]) -> str:
        before, after = line[max(0, found.start() - 2)], line[found.end() + 1 : found.end() + 2]
        return found[0] if len(found[0]) == 1 and before.isdigit() and after.isdigit() else "—"

    return _DASH.sub(dash, line)


def spelled_out(line: str) -> str:
    """The line with clearer spellings where espeak-ng misreads it: `-.5` as `-0.5`, `Ph.D` as `PhD`."""
    return _SHORT_PARTS.sub(r"\g<first>\g<second>", _BARE_FRACTION.sub(r"\g<sign>0.", line))


def pieces(line: str, ends_sentence: EndsSentence) -> Iterator[Piece]:
    """The pieces of a line with single spaces, its punctuation apart from its words."""
    addresses = _addresses(line)

    def is_mark(began: int, at: int) -> bool:
        """Whether the character at `at` is punctuation; the words since `began` decide about a full stop."""
        if line[at] not in MARKS or at in addresses:
            return False
        return _is_full_stop(line, began, at, ends_sentence) if line[at] == "." else _pauses(line, at)

    began = at = 0
    while at < len(line):
        end = at
        while end < len(line) and (line[end] == " " or is_mark(began, end)):
            end += 1
        if line[at:end].strip():
            if at > began:
                yield Piece(line[began:at], marks=False)
            yield Piece(line[at:end], marks=True)
            began = end
        at = max(end, at + 1)
    if began < len(line):
        yield Piece(line[began:], marks=False)


def _pauses(line: str, at: int) -> bool:
    mark, before, after = line[at], line[at - 1 : at], line[at + 1 : at + 2]
    match mark:
        case ",":
            return not (before.isdigit() and after.isdigit())
        case ":":  # in a time, a ratio or an address
            joins = before.isalnum() and after.isalnum() and not (before.isalpha() and after.isalpha())
            return not joins and (not after or after not in "/\\")
        case '"':
            return not (before.isalnum() and after.isalnum())
    return True


def _is_full_stop(line: str, began: int, at: int, ends_sentence: EndsSentence) -> bool:
    before, after = line[at - 1 : at], line[at + 1 : at + 2]
    if before == "." or after == "." or not after or after in _ENDING_MARKS:
        return True
    if after != " ":
        return False
    if at <= LIST_DIGITS and line[:at].isdigit():
        return True
    return ends_sentence(line[max(began, at + 1 - CONTEXT) : at + 1], line[at + 1 : at + 1 + CONTEXT])


def _addresses(line: str) -> Set[int]:
    """The places of all characters of web and mail addresses, without the marks behind them."""
    found = set[int]()
    for address in _ADDRESS.finditer(line):
        behind = _BEHIND_ADDRESS.search(address[0])
        found.update(
            range(address.start(), address.start() + (behind.start() if behind else len(address[0])))
        )
    return found
