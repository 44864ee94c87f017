"""Ranges, ratios and dashes: a dash becomes `to` or `minus`, or a pause."""

from __future__ import annotations

import re
from functools import lru_cache

from tts_hub.text.normalise.edits import Draft
from tts_hub.text.normalise.languages.model import LanguageRules

_DASH = re.compile(r"(?<=[\d%°m.])(?P<dash> ?[–〜～] ?|[—-]| - )(?=\d)|(?<=\d)~(?=\d)")
_LOW = re.compile(
    r"(?P<before>.?)(?<![\d.,:])(?P<low>\d{1,5}(?:[.,:]\d{1,3})?)(?P<unit> ?(?:[%°]|[ap]\.?m\.?|[kc]?m))?\Z",
    re.S,
)
_HIGH = re.compile(r"(?P<high>\d{1,5}(?:[.,:]\d{1,3})?)(?![.,:]?\d)(?P<unit> ?[%°])?(?P<chain>[–/-]\d)?")
_LOOK_BACK = 24
_YEARS = range(1000, 2200)
_LETTERS = re.compile(r"(?<![\w-])(?P<low>[A-Z])–(?P<high>[A-Z])(?![\w-])")
_RATIO = re.compile(r"(?<![\d.,:/])(?P<low>\d{1,5}):(?P<high>\d{1,5})(?![\d:/]|[.,]\d)")
_CLOCK = re.compile(r"(?:[01]?\d|2[0-4]):[0-5]\d")
_NAME = re.compile(r"[A-ZÀ-Þ]\w{2,24} \Z")
"""A name before numbers, which may be those of a verse: `Genesis 1:1`."""
_PAUSE = re.compile(r"(?<=[^\s\-–—])(?P<dash> +(?:-{1,3}|–|―|⸺) +|-{2,3}|―|—)(?=[^\s\-–—])")
_SUM = re.compile(r"\s*=")


def say_ranges(draft: Draft, rules: LanguageRules) -> None:
    """Put ranges of numbers, times, days and letters into words, and ratios."""
    if rules.to:
        draft.edit(_DASH, lambda match: _between(match, rules))
        if "–" in draft.text or "-" in draft.text:
            draft.edit(_LETTERS, lambda match: f"{match['low']} {rules.to} {match['high']}")
            draft.edit(_days(rules), lambda match: _named_days(match, rules))
    if rules.ratio:
        draft.edit(_RATIO, lambda match: _ratio(match, rules))


def pause_at_dashes(draft: Draft) -> None:
    """Give every dash between words the form that engines pause at: a long one between spaces."""
    draft.edit(_PAUSE, _pause)


def _between(match: re.Match[str], rules: LanguageRules) -> str | None:
    """The words for a dash between two numbers; None to leave it."""
    text, start = match.string, match.start()
    low = _LOW.search(text[max(0, start - _LOOK_BACK) : start])
    high = _HIGH.match(text, match.end())
    if low is None or high is None or high["chain"] or low["before"] in ("–", "-", "/", "#", "+"):
        return None
    if low["before"].isalpha():
        return None
    dash, to = match.group(), f" {rules.to} " if rules.words_apart else rules.to
    first, last = _value(low["low"]), _value(high["high"])
    if dash in (" - ", " – "):
        if _SUM.match(text, high.end()) and rules.minus:
            return f" {rules.signs.get('−', rules.minus)} "
        return to if first < last else None
    if dash != "-":
        return to
    return to if first < last and _is_range(low, high) else None


def _is_range(low: re.Match[str], high: re.Match[str]) -> bool:
    """Whether two numbers with a hyphen between them are a range, not a telephone number or a name."""
    if high["unit"] or (":" in low["low"] and ":" in high["high"]):
        return True
    digits = (len(low["low"]), len(high["high"]))
    if digits == (4, 4):
        return int(low["low"]) in _YEARS and int(high["high"]) in _YEARS
    if digits == (3, 3):
        return low["low"].endswith("0") and high["high"].endswith("0") and low["low"][1] == high["high"][1]
    return max(digits) <= 2 and not low["low"].startswith("0")


def _value(number: str) -> float:
    return float(number.replace(",", ".").replace(":", "."))


def _named_days(match: re.Match[str], rules: LanguageRules) -> str:
    return f"{rules.days[match['low']]} {rules.to} {rules.days[match['high']]}"


@lru_cache(maxsize=16)
def _days(rules: LanguageRules) -> re.Pattern[str]:
    names = "|".join(map(re.escape, sorted(rules.days, key=len, reverse=True))) or "(?!)"
    return re.compile(rf"(?<![\w-])(?P<low>{names})\.? ?[–-] ?(?P<high>{names})\b(?!-)")


def _ratio(match: re.Match[str], rules: LanguageRules) -> str | None:
    if _CLOCK.fullmatch(match.group()):
        return None
    if _NAME.search(match.string[: match.start()][-26:]):
        return f"{match['low']} {match['high']}"
    to = f" {rules.ratio} " if rules.words_apart else rules.ratio
    return f"{match['low']}{to}{match['high']}"


def _pause(match: re.Match[str]) -> str | None:
    before, after = match.string[match.start() - 1], match.string[match.end()]
    if match["dash"].strip() == "-" and not (_is_word(before) and _is_word(after)):
        return None  # a minus, or the mark of a list
    return " — "


def _is_word(character: str) -> bool:
    return character.isalpha() or character in "\"'“”‘’)(»«.,!?%" or character.isdigit()
