"""Abbreviations, ordinals and the points of addresses in words, where engines misread them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache, partial

from tts_hub.text.normalise.edits import Draft, Piece
from tts_hub.text.normalise.german import say_ordinals
from tts_hub.text.normalise.languages.shortened import SHORTENED, Shortened

MAY_BE_SHORTENED = re.compile(
    r"[^\W\d_]\. ?[^\W_]|[^\W\d_]\. \(\d|\d\. [^\W\d_]|[\u0900-\u097f]\."
    r"|\b(?:Ms|MM|Mgr|S(?:r|ra|rta)s?|Hrn?|Fr) |\d\.?er "
)
"""Text that `say_shortened` may change; the other characters that it changes are never plain."""
_ORDINAL = re.compile(r"(?<=\d)\.(?=[ºª])")
_DEGREES_AS_ORDINAL = re.compile(r"(?<=[IiAaEe]l )(?P<number>\d{1,2})°(?= [a-zà-ü]{2})")
"""Italian ordinals with the sign for degrees, which keyboards have more often than `º`: `il 1° maggio`."""
_SPANISH_ORDINAL = re.compile(r"(?<![\d.,])(?P<number>[13])\.?er(?= [a-zà-ü])")
_SPANISH_ORDINALS = {"1": "primer", "3": "tercer"}
_ENDINGS = (
    "com org net edu gov info biz io ai app dev eu de fr it es pt br uk us ch at in ru nl be pl cz jp cn co "
    "me tv txt pdf doc docx xls xlsx csv json xml html htm js ts py md zip mp3 mp4 wav jpg jpeg png gif svg "
    "exe ini cfg conf toml yaml yml log sh css php"
).replace(" ", "|")
ADDRESS = re.compile(
    rf"(?<![\w.@/-])(?:[\w.+-]{{1,64}}@)?(?:[\w-]{{2,63}}\.){{1,5}}(?:{_ENDINGS})(?![\w@-]|\.\w)", re.ASCII
)


def say_shortened(draft: Draft, language: str) -> None:
    """Put abbreviations, ordinals and points of addresses into words."""
    draft.edit(_ORDINAL, lambda match: "")
    if language == "it":
        draft.edit(_DEGREES_AS_ORDINAL, lambda match: f"{match['number']}º")
    if language == "de":
        say_ordinals(draft)
    if language == "es":
        draft.edit(_SPANISH_ORDINAL, lambda match: _SPANISH_ORDINALS[match["number"]])
    rules = SHORTENED.get(language)
    if rules is None:
        return
    for pattern, words in _patterns(rules):
        draft.edit(pattern, partial(_in_words, words))
    if rules.dot:
        dot = rules.dot if language == "ja" else f" {rules.dot} "
        draft.edit(ADDRESS, lambda match: list(_with_dots(match, dot)))


def _in_words(words: Mapping[str, str], match: re.Match[str]) -> str:
    return words[match["short"]]


@lru_cache(maxsize=16)
def _patterns(rules: Shortened) -> Sequence[tuple[re.Pattern[str], Mapping[str, str]]]:
    kinds = (
        (rules.anywhere, r"\.(?= ?[^\W_])"),
        (rules.names, r"\.?(?= [^\W\d_a-zà-öø-ÿ])"),
        (rules.numbers, r"(?:\.|(?<=[º°]))(?= ?\(?\d)"),
    )
    return [
        (re.compile(rf"(?<![\w.])(?P<short>{_one_of(words)}){behind}"), words)
        for words, behind in kinds
        if words
    ]


def _one_of(words: Iterable[str]) -> str:
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))


def _with_dots(match: re.Match[str], dot: str) -> Iterable[Piece]:
    at = match.start()
    for point in re.finditer(r"\.", match.group()):
        start = match.start() + point.start()
        yield match.string[at:start], at, start
        yield dot, start, start + 1
        at = start + 1
    yield match.string[at : match.end()], at, match.end()
