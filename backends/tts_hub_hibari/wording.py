"""The text in the words that hibari's reader reads right.

It drops the points of addresses and versions, takes every `Dr.` for a doctor, reads `and/or` as one word, and
knows no words of more than 24 letters and no numbers
of more than 18 digits.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Container, Iterator, Mapping
from functools import partial

from tts_hub.text.normalise.edits import Draft, Piece, SpokenText
from tts_hub.text.normalise.shortened import ADDRESS

LONGEST_WORD = 24
"""Letters of a word that its net for unknown words reads; it would leave out the rest."""
LONGEST_RUN = 48
"""Characters without a space that are read as one word: the time grows with their number's third power."""
SAID: Mapping[str, str] = {
    ".": " dot ", "/": " slash ", ":": " colon ", "@": " at ", "-": " dash ", "_": " underscore ",
    "?": " question mark ", "=": " equals ", "&": " and ", "#": " hash ", "%": " percent ", "~": " tilde ",
    "+": " plus ",
}  # fmt: skip
"""Marks of addresses."""
_NOT_ASCII = re.compile(r"[^\W\x00-\x7f]")
_WEB_OR_MAIL = re.compile(
    r"(?<![\w.+-])(?:(?:https?|ftp)://|www\.)[^\s<>\"“”«»]*[^\s<>\"“”«».,;:!?…)\]}'’]"
    r"|(?<![\w.+-])[\w.+-]{1,64}@(?:[\w-]{1,63}\.){1,5}[a-z]{2,24}(?![\w@-])",
    re.ASCII | re.IGNORECASE,
)
_NUMBERED = re.compile(r"(?<![\w.])(?:[vV]\d{1,4}(?:\.\d{1,4})+|\d{1,4}(?:\.\d{1,4}){2,})(?![\w.]*\w)")
"""Versions and addresses of machines: `v2.0`, `192.168.1.1`."""
_DRIVE = re.compile(
    r"(?<=[a-z] )Dr(?P<stop>\.?)(?= [a-z0-9(&]|[,;:!?)]|\.? ?$)|(?<=[a-z] )Dr\.(?= (?:[NSEW]|Apt|Suite)\b)"
)
"""`Dr.` behind a word and before no name: `on Elm Dr. near`."""
_BEFORE_DRIVE = re.compile(r"(?:\b[A-Z][\w'’-]*|\d(?:st|nd|rd|th)) $")
_JOINED = re.compile(
    r"(?<=[^\W\d_])(?P<mark>[!?;:,])(?=[^\W\d_])"
    r"|(?<=[^\W\d_]{3})/(?=[^\W\d_]{2})|(?<=[^\W\d_]{2})/(?=[^\W\d_]{3})"
)
"""A mark between two words without a space."""
_LONG_NUMBER = re.compile(r"\d{19,}")
"""A number that has no name: it is said digit by digit."""
_LONG_WORD = re.compile(rf"[^\W\d_]{{{LONGEST_WORD + 1},}}")
_LONG_RUN = re.compile(rf"\S{{{LONGEST_RUN + 1},}}")


def worded(text: str, letters: Container[str]) -> SpokenText:
    """The text for hibari's reader, with the origin of each character in the plain `text`.

    `letters` are those that its net for unknown words has learnt.
    """
    draft = Draft(text)
    if not text.isascii():
        draft.edit(_NOT_ASCII, lambda found: _folded(found.group(), letters))
    draft.edit(_WEB_OR_MAIL, _spelled_out)
    draft.edit(ADDRESS, _spelled_out)
    draft.edit(_NUMBERED, lambda found: list(_with(found, {".": " point "})))
    draft.edit(_DRIVE, _drive)
    draft.edit(_JOINED, lambda found: f"{found['mark'] or ''} ")
    draft.edit(_LONG_NUMBER, partial(_cut, 1))
    draft.edit(_LONG_WORD, partial(_cut, LONGEST_WORD))
    draft.edit(_LONG_RUN, partial(_cut, LONGEST_RUN))
    return draft.finish()


def _folded(character: str, letters: Container[str]) -> str | None:
    """A letter that the reader has not learnt without its accents, and a digit of another script as ours."""
    if character in letters:
        return None
    plain = unicodedata.normalize("NFKD", character)
    base = "".join(part for part in plain if not unicodedata.combining(part))
    value = unicodedata.decimal(base, None) if len(base) == 1 else None
    base = base if value is None else str(value)
    return base if base.isascii() and base.isalnum() else None


def _spelled_out(found: re.Match[str]) -> list[Piece]:
    return list(_with(found, SAID))


def _with(found: re.Match[str], said: Mapping[str, str]) -> Iterator[Piece]:
    """The match with words for its marks; all others stay."""
    at = found.start()
    for place in range(found.start(), found.end()):
        if words := said.get(found.string[place]):
            yield found.string[at:place], at, place
            yield words, place, place + 1
            at = place + 1
    yield found.string[at : found.end()], at, found.end()


def _drive(found: re.Match[str]) -> str | None:
    """`Drive` behind the name of a street; a full stop that ends the text stays."""
    if not _BEFORE_DRIVE.search(found.string, max(0, found.start() - 40), found.start()):
        return None
    ends = not found.string[found.end() :].strip()
    return "Drive." if ends and found.group().endswith(".") else "Drive"


def _cut(most: int, found: re.Match[str]) -> list[Piece]:
    """The match with spaces, in parts of at most `most` characters that are about as long as each other."""
    length = found.end() - found.start()
    parts = -(-length // most)
    edges = [found.start() + length * part // parts for part in range(parts + 1)]
    pieces = list[Piece]()
    for start, end in itertools.pairwise(edges):
        pieces += [(found.string[start:end], start, end), (" ", end, end)]
    return pieces[:-1]
