"""Two writings of the same speech made comparable: a text and a transcript become lists of spoken words.

The rules are those of `docs/quality.md`. Both sides go through the same rules, so a rule can only forgive
what it treats as equal, such as `$5` and `five dollars`, or `colour` and `color`.
"""

from __future__ import annotations

import re
import unicodedata

from tts_hub.quality.words.asian import digits_in_ideographs
from tts_hub.quality.words.cardinals import CARDINALS
from tts_hub.quality.words.english import english_words

CHARACTER_LANGUAGES = frozenset(["ja", "zh"])
"""Languages written without spaces: they are compared by characters, not by words."""

_APOSTROPHES = str.maketrans("’‘ʼ`´", "'''''")
_NUMBER = re.compile(r"\d+(?:[.,  ]\d{3})+(?!\d)|\d+")
_ENDLESS = re.compile(r"\d[\d.,]{14,}\d")
"""Numbers of a trillion and more, and other long rows of digits: they are compared digit by digit."""
_CURRENCIES = {
    "es": {"€": "euros", "$": "dólares"},
    "fr": {"€": "euros", "$": "dollars"},
    "it": {"€": "euro", "$": "dollari"},
    "de": {"€": "euro", "$": "dollar"},
    "pt": {"€": "euros", "R$": "reais", "r$": "reais", "$": "dólares"},
}
_PERCENT = {"es": "por ciento", "fr": "pour cent", "it": "per cento", "de": "prozent", "pt": "por cento"}
_EQUAL = {
    "es": ((r"cientas\b", "cientos"), (r"\by un[oa]?\b", "y un"), (r"veintiún\b|veintiuna\b", "veintiuno")),
    "fr": ((r"\bvingts\b", "vingt"), (r"\bcents\b", "cent")),
    "de": ((r"\beinhundert", "hundert"), (r"\beintausend", "tausend"), ("ß", "ss")),
}
"""Writings of a language that sound the same, or differ only in gender."""


_CLOCK = re.compile(r"(?<![\d.,$£€])(1?\d|2[0-3])\.([0-5]\d)(?!\.?\d|%)")
_FOUR_DIGITS = re.compile(r"(?<![\d.,:])([1-9])(\d{3})(?![\d.,:]\d|\d|s\b)")


def spoken_words(text: str, language: str) -> list[str]:
    """The words of a text as they are said, without case, punctuation and signs; characters in ja and zh."""
    tag = language.partition("-")[0].lower()
    text = unicodedata.normalize("NFKC", text).translate(_APOSTROPHES).casefold()
    text = _ENDLESS.sub(lambda match: " ".join(match.group()), text)
    if tag in CHARACTER_LANGUAGES:
        return [letter for letter in digits_in_ideographs(text) if letter.isalpha() or letter == "〇"]
    if tag == "en":
        return english_words(text)
    return _words(_numbers_in_words(text, tag), tag)


def writings(transcript: str, language: str) -> set[str]:
    """A transcript, and other ways in which its figures can be meant.

    Whisper writes `nine thirty` as `9.30`, and `one thousand two hundred and fifty` as `1250`.
    """
    if language.partition("-")[0].lower() != "en":
        return {transcript}
    clock = _CLOCK.sub(r"\1:\2", transcript)
    return {transcript, clock, _FOUR_DIGITS.sub(r"\1,\2", transcript), _FOUR_DIGITS.sub(r"\1,\2", clock)}


def _numbers_in_words(text: str, language: str) -> str:
    """The text with amounts, percentages and whole numbers in words, in languages with a table."""
    for sign, name in _CURRENCIES.get(language, {}).items():
        amount = r"\d[\d.,]*"
        text = re.sub(rf"{re.escape(sign)} ?({amount})|({amount}) ?{re.escape(sign)}", rf"\1\2 {name}", text)
    text = re.sub(r"(?<=\d) ?%", f" {_PERCENT.get(language, '%')}", text)
    cardinal = CARDINALS.get(language)
    if cardinal is None:
        return text
    return _NUMBER.sub(lambda match: f" {cardinal(int(re.sub(r'[^0-9]', '', match.group())))} ", text)


def _words(text: str, language: str) -> list[str]:
    kept = "".join(c if unicodedata.category(c)[0] in "LMN" else " " for c in text)
    joined = " ".join(kept.split())
    for pattern, same in _EQUAL.get(language, ()):
        joined = re.sub(pattern, same, joined)
    return joined.split()
