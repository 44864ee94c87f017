"""The words of a text as a reader sees them, found lazily, with their places."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from tts_hub.text.check import SPOKEN_PUNCTUATION

RUN = re.compile(r"\S+")
MARKUP_OR_RUN = re.compile(
    r"(?P<markup><!--.*?(?:-->|$)|<[/!?A-Za-z][^>]*(?:>|$))|(?P<run>(?:[^\s<]++|<(?![/!?A-Za-z]))++)", re.S
)
ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]{2,8});")
UNSPACED = (
    "\u3005\u3007\u3041-\u3096\u309d-\u309f\u30a1-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\uff66-\uff9d\U00020000-\U0003ffff"
)
"""Ideographs and kana, of which each counts as a word."""
SELECTORS = "\u3099\u309a\ufe00-\ufe0f\U000e0100-\U000e01ef"
PIECE = re.compile(f"[{UNSPACED}][{SELECTORS}]*|[^{UNSPACED}]+")
JOINT = re.compile(
    r"[—―⸺⸻]+|-{2,}|…+|\.{2,}"
    r"|(?<=\w)–(?=\w)"
    r"|(?<=[^\W\d_])[!?;:,،؛؟]+(?=[^\W\d_])"
    r"|(?<=[^\W\d_]{3})/(?=[^\W\d_]{2})|(?<=[^\W\d_]{2})/(?=[^\W\d_]{3})"
)
"""Marks between two words without spaces: `had—as`, `well...no`, `and/or`; not in `km/h`, `1/2`, `9:30`."""
WORD = re.compile(r"[^\W_]")
ADDRESS = re.compile(r"://|@|www\.|[^\W\d_]\.[^\W\d_]{2,}/", re.I)
ALIAS = re.compile(r"<(?P<end>/?)(?:\w+:)?sub\b(?P<rest>[^>]*)")


@dataclass(frozen=True, slots=True)
class Token:
    """A candidate for a word: its place in the text, and the positions that mean it."""

    start: int
    end: int
    """Characters `[start, end)` of the text."""
    reach: int
    """The first position that means this token: its leading punctuation belongs to it."""
    wordlike: bool
    """It has a letter or digit. Other tokens, such as a dash, are words only if the engine speaks them."""
    aliased: bool = False
    """It is inside `<sub alias>`: the engine speaks something else, and reports it at the word behind."""


def tokens(text: str, *, ssml: bool = False) -> Iterator[Token]:
    """The tokens of `text` in order. With `ssml`, tags are skipped and entities are decoded."""
    if not ssml:
        for run in RUN.finditer(text):
            yield from _in_run(run.group(), run.start(), aliased=False)
        return
    aliased = False
    for match in MARKUP_OR_RUN.finditer(text):
        if match["run"] is not None:
            yield from _in_run(ENTITY.sub(_spelled_out, match.group()), match.start(), aliased=aliased)
        elif tag := ALIAS.match(match.group()):
            aliased = not tag["end"] and not tag["rest"].endswith("/")


def combining(character: str) -> bool:
    """Whether a character belongs to the one before: an accent, tone mark, vowel sign or selector."""
    return unicodedata.category(character).startswith("M")


def _spelled_out(entity: re.Match[str]) -> str:
    """The character of an entity, repeated to its length so that positions stay those of the source."""
    meant = html.unescape(entity.group())
    return (meant if len(meant) == 1 else "&") * len(entity.group())


def _in_run(run: str, offset: int, *, aliased: bool) -> Iterator[Token]:
    for reach, until in _pieces(run):
        start, end = _bare(run, reach, until)
        if run[start:end].isspace():  # a no-break space that was written as an entity
            continue
        wordlike = any(map(str.isalnum, run[start:end]))
        yield Token(offset + start, offset + end, offset + reach, wordlike, aliased)


def _pieces(run: str) -> Iterator[tuple[int, int]]:
    """The words of a run, each with the joint before it."""
    is_address = ADDRESS.search(run) is not None
    for piece in PIECE.finditer(run):
        start, end = piece.span()
        if not is_address:
            for at in _joints(run, start, end):
                yield start, at
                start = at
        yield start, end


def _joints(run: str, start: int, end: int) -> Iterator[int]:
    """The starts of the joints that have a word before and behind them."""
    begun = None  # the joint behind a word, as long as no word has come behind the joint
    at = start
    for joint in JOINT.finditer(run, start, end):
        if WORD.search(run, at, joint.start()):
            if begun is not None:
                yield begun
            begun = joint.start()
        at = joint.end()
    if begun is not None and WORD.search(run, at, end):
        yield begun


def _bare(run: str, start: int, end: int) -> tuple[int, int]:
    """The span without the punctuation around it; all of it where there is nothing else."""
    left, right = start, end
    while left < right and _silent(run[left]):
        left += 1
    while right > left and _silent(run[right - 1]):
        right -= 1
    return (left, right) if left < right else (start, end)


def _silent(character: str) -> bool:
    category = unicodedata.category(character)
    return category[0] in "PZC" and character not in SPOKEN_PUNCTUATION
