"""German ordinals in words: espeak-ng says `zwei` for the number of `der 2. Weltkrieg`."""

from __future__ import annotations

import re

from tts_hub.text.normalise.edits import Draft

_ORDINAL = re.compile(
    r"(?:(?P<before>\b[A-Za-zäöüß]{2,5}) )?(?:(?P<article>\b[A-Za-zäöüß]{2,6}) )?"
    r"(?<![\w.,–-])(?P<number>[1-9]\d?)\.(?= (?:(?P<month>Januar|Februar|März|April|Mai|Juni|Juli|August"
    r"|September|Oktober|November|Dezember)\b|[^\W\d_]))"
)
_NOMINATIVE = frozenset({"der", "die", "das", "eine", "diese", "dieser", "dieses", "jede"})
_OTHER_CASES = frozenset({
    "am", "im", "vom", "zum", "zur", "beim", "ins", "ans", "dem", "den", "des", "einem", "einen", "einer",
    "eines", "seinem", "seinen", "ihrem", "ihren", "meinem", "meinen", "jedem", "jeden", "diesem", "diesen",
})  # fmt: skip
_WITH_DATIVE = frozenset({
    "in", "an", "auf", "aus", "bei", "mit", "nach", "von", "vor", "zu", "seit", "ab", "bis", "unter", "über",
})  # fmt: skip
_UNITS = ("", "ein", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun")
_TEENS = (
    "zehn", "elf", "zwölf", "dreizehn", "vierzehn", "fünfzehn", "sechzehn", "siebzehn", "achtzehn",
    "neunzehn",
)  # fmt: skip
_TENS = ("zwanzig", "dreißig", "vierzig", "fünfzig", "sechzig", "siebzig", "achtzig", "neunzig")
_STEMS = {1: "erst", 3: "dritt", 7: "siebt", 8: "acht"}


def say_ordinals(draft: Draft) -> None:
    """Put ordinals behind an article or before a month into words, with the right ending."""
    draft.edit(_ORDINAL, _said)


def _said(match: re.Match[str]) -> list[tuple[str, int, int]] | None:
    article, before = (match[name] or "" for name in ("article", "before"))
    if not article:
        article, before = before, ""
    article, ending = article.lower(), ""
    if article in _OTHER_CASES or (article in _NOMINATIVE and before.lower() in _WITH_DATIVE):
        ending = "en"
    elif article in _NOMINATIVE:
        ending = "e"
    elif match["month"]:
        ending = "er"
    if not ending:
        return None
    at = match.start("number")
    return [
        (match.string[match.start() : at], match.start(), at),
        (_stem(int(match["number"])) + ending, at, match.end()),
    ]


def _stem(number: int) -> str:
    if number in _STEMS:
        return _STEMS[number]
    if number < 20:
        return (_TEENS[number - 10] if number >= 10 else _UNITS[number]) + "t"
    tens, unit = divmod(number, 10)
    return (f"{_UNITS[unit]}und" if unit else "") + _TENS[tens - 2] + "st"
