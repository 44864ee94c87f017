"""The cuts of a sentence that is too long: at clause marks, else at white space, else anywhere.

No cut falls inside a grapheme cluster (Unicode UAX #29, the rules that matter for hard cuts) or a number.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from itertools import chain

_CLAUSE = re.compile(
    r"[,;:،؛…][\"'”’»)\]]*(?=\s)"  # marks that take a space behind them
    r"|[、，；：，]"
    r"|—(?!—)"
    r"|\s[–-]{1,3}(?=\s)"
    r"|[)\]}»”）】」』](?=[\s\w])"
)
_SPACE = re.compile(r"\s+")
_JOINER = "\u200d"
# Characters: a shorter first piece sounds chopped off.
_SHORTEST_FIRST = 15


def split_points(text: str, max_chars: int) -> list[int]:
    """The places to cut a complete sentence, so that its pieces are at most `max_chars` and about equal."""
    cuts: list[int] = []
    start = 0
    while len(text) - start > max_chars:
        rest = len(text) - start
        pieces = -(-rest // max_chars)
        target = -(-rest // pieces)
        low = max(rest - (pieces - 1) * max_chars, target // 2, 1)
        start += cut_point(text[start : start + max_chars + 2], low, target, max_chars)
        cuts.append(start)
    return cuts


def cut_point(text: str, low: int, target: int, high: int) -> int:
    """The best place in `[low, high]` to cut: as near to `target` as the marks allow.

    White space even before `low` is better than a cut within a word.
    """
    marks = [cut for cut in _clause_cuts(text, high) if cut >= low]
    if marks:
        return _nearest(marks, target)
    spaces = [cut for cut in _space_cuts(text, high) if cut > 0]
    if spaces:
        apart = [cut for cut in spaces if not _binds(text, cut)]
        early = [cut for cut in apart if cut >= target // 2]
        return _nearest([cut for cut in apart if cut >= low] or early[-1:] or spaces[-1:], target)
    return _hard_cut(text, low, target, high)


def first_cut(text: str, max_chars: int, *, at_space: bool) -> int | None:
    """The place to cut the very first piece, so that speech starts early; None for no cut.

    It is the last clause mark that leaves 15 to `max_chars` characters; where there is none and `at_space` is
    set, the last white space.
    """
    low = min(_SHORTEST_FIRST, max_chars // 2)
    cuts = [cut for cut in _clause_cuts(text, max_chars) if cut >= low]
    if not cuts and at_space:
        spaces = [cut for cut in _space_cuts(text, max_chars) if cut >= low]
        cuts = [cut for cut in spaces if not _binds(text, cut)] or spaces
    return cuts[-1] if cuts else None


def _clause_cuts(text: str, high: int) -> list[int]:
    return _whole(text, [mark.end() for mark in _CLAUSE.finditer(text, 0, high + 1) if mark.end() <= high])


def _space_cuts(text: str, high: int) -> list[int]:
    return _whole(text, [space.start() for space in _SPACE.finditer(text, 0, high + 1)])


def _binds(text: str, space: int) -> bool:
    """Whether the word before white space may belong to the next one: a number, or `Dr.` in `Dr. Smith`."""
    return text[space - 1] == "." or text[space - 1].isdigit()


def _whole(text: str, cuts: Iterable[int]) -> list[int]:
    return [cut for cut in cuts if cut < len(text) and is_whole(text, cut)]


def _nearest(cuts: list[int], target: int) -> int:
    return min(cuts, key=lambda cut: abs(cut - target))


def _hard_cut(text: str, low: int, target: int, high: int) -> int:
    for cut in chain(range(target, low - 1, -1), range(target + 1, high + 1), range(low - 1, 0, -1)):
        if is_whole(text, cut):
            return cut
    return target  # one cluster or number longer than a piece may be


def is_whole(text: str, cut: int) -> bool:
    """Whether a cut at this index leaves grapheme clusters and numbers whole."""
    if not 0 < cut < len(text):
        return True
    before, behind = text[cut - 1], text[cut]
    if behind.isascii() and before.isascii():
        return not _in_number(text, cut)
    if before == _JOINER or _extends(behind) or unicodedata.combining(before) == 9:
        return False  # 9: a virama, which joins the consonants around it
    if _is_regional(before) and _is_regional(behind):
        return _regionals_before(text, cut) % 2 == 0
    return not _in_number(text, cut)


def _in_number(text: str, cut: int) -> bool:
    before, behind = text[cut - 1], text[cut]
    if before.isdigit() and behind.isdigit():
        return True
    if before.isdigit() and behind in ".,:":
        return text[cut + 1 : cut + 2].isdigit()
    return behind.isdigit() and before in ".,:" and text[max(cut - 2, 0) : cut - 1].isdigit()


def _extends(char: str) -> bool:
    """Whether a character belongs to the one before: a combining mark, selector, joiner or skin tone."""
    code = ord(char)
    return (
        unicodedata.category(char) in ("Mn", "Me", "Mc")
        or code in (0x200C, 0x200D)
        or 0x1F3FB <= code <= 0x1F3FF
        or 0xE0020 <= code <= 0xE007F
        or 0x1160 <= code <= 0x11FF
    )


def _is_regional(char: str) -> bool:
    return 0x1F1E6 <= ord(char) <= 0x1F1FF


def _regionals_before(text: str, cut: int) -> int:
    start = cut
    while start > 0 and _is_regional(text[start - 1]):
        start -= 1
    return cut - start
