"""English texts and transcripts as spoken words: numbers, money, times, titles, contractions, spellings."""

from __future__ import annotations

import re

from tts_hub.quality.words.cardinals import english

_AMOUNT = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_SCALE = r"hundred|thousand|million|billion"
_UNITS = {
    "$": ("dollar", "cent"),
    "£": ("pound", "penny"),
    "€": ("euro", "cent"),
}
_MONTHS = "january|february|march|april|may|june|july|august|september|october|november|december"
_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
_TITLES = {"mr": "mister", "mrs": "missus", "dr": "doctor", "prof": "professor", "st": "saint"}
_CONTRACTIONS = (
    (r"\bwon't\b", "will not"),
    (r"\bcan't\b|\bcannot\b", "can not"),
    (r"\bshan't\b", "shall not"),
    (r"\blet's\b", "let us"),
    (r"\b(it|that|what|there|here|where|who|he|she|how)'s\b", r"\1 is"),
    (r"n't\b", " not"),
    (r"'ll\b", " will"),
    (r"'re\b", " are"),
    (r"'ve\b", " have"),
    (r"\bi'm\b", "i am"),
    (r"'", ""),
)
_AMERICAN = {
    "behaviour": "behavior",
    "centre": "center",
    "colour": "color",
    "favourite": "favorite",
    "grey": "gray",
    "harbour": "harbor",
    "neighbour": "neighbor",
    "practised": "practiced",
    "recognise": "recognize",
    "theatre": "theater",
    "ok": "okay",
}
_METRE = re.compile(r"\b(\w*)metre(s?)\b")
_NUMBER_WORD = (
    r"(?:zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|"
    r"sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|"
    rf"{_SCALE})"
)
_AND = re.compile(rf"\b({_SCALE}|dollars?|pounds?|euros?) and (?={_NUMBER_WORD}\b)")


def english_words(text: str) -> list[str]:
    """The spoken words of a text in lower case with plain apostrophes."""
    text = _say_money(re.sub(r"\b([ap])\.m\b\.?", r"\1m", text))
    text = re.sub(r"(\d{1,2}):(\d\d)(?: ?([ap]m)\b)?", _time, text)
    text = re.sub(rf"\b({_MONTHS}) (\d{{1,2}})\b(?!:|\w)", lambda m: f"{m[1]} {_ordinal(int(m[2]))}", text)
    text = re.sub(r"\b(\d+)(?:st|nd|rd|th)\b", lambda m: _ordinal(int(m[1])), text)
    text = re.sub(r"\b(\d{3}0|\d0)s\b", lambda m: _plural(_number(m[1])), text)
    text = re.sub(r"(?<=\d) ?%", " percent", text).replace("per cent", "percent")
    text = re.sub(r"(?<=\d) ?°", " degrees ", text).replace("&", " and ")
    text = re.sub(_AMOUNT, lambda m: f" {_number(m.group())} ", text)
    for pattern, said in _CONTRACTIONS:
        text = re.sub(pattern, said, text)
    text = " ".join(re.sub(r"[^\w]|_", " ", text).split())
    text = re.sub(rf"\b({'|'.join(_TITLES)})\b", lambda m: _TITLES[m[1]], text)
    text = re.sub(rf"\ba (?={_SCALE}\b)", "one ", text)
    text = _AND.sub(r"\1 ", text)
    text = re.sub(rf"\b({'|'.join(_AMERICAN)})(s?)\b", lambda m: _AMERICAN[m[1]] + m[2], text)
    return _METRE.sub(r"\1meter\2", text).split()


def _say_money(text: str) -> str:
    """The text with `$18.50` as eighteen dollars fifty cents, and `$3 million` as three million dollars."""
    sign = "|".join(map(re.escape, _UNITS))
    return re.sub(rf"({sign}) ?({_AMOUNT})(?: ({_SCALE})\b)?", _money, text)


def _money(match: re.Match[str]) -> str:
    unit, part = _UNITS[match[1]]
    if match[3]:
        return f"{_number(match[2])} {match[3]} {unit}s"
    whole, _, cents = match[2].replace(",", "").partition(".")
    said = f"{english(int(whole))} {unit}{'' if int(whole) == 1 else 's'}"
    if not cents.strip("0"):
        return said
    count = int(cents.ljust(2, "0")[:2])
    return f"{said} {english(count)} {'pence' if part == 'penny' else part + 's' * (count != 1)}"


def _time(match: re.Match[str]) -> str:
    hour, minute = int(match[1]), int(match[2])
    half = f" {match[3]}" if match[3] else ""
    if minute == 0:
        return f"{english(hour)}{half or ' oclock'}"
    return f"{english(hour)} {'oh ' if minute < 10 else ''}{english(minute)}{half}"


def _number(digits: str) -> str:
    """A cardinal, a decimal or a year: four digits from 1100 to 2099 without comma are a year."""
    whole, _, decimals = digits.partition(".")
    if decimals:
        said = " ".join(english(int(digit)) for digit in decimals)
        return f"{english(int(whole.replace(',', '')))} point {said}"
    if "," not in whole and len(whole) == 4 and 1100 <= int(whole) <= 2099:
        return _year(int(whole))
    value = int(whole.replace(",", ""))
    if whole.startswith("0") and value:  # a number that is read digit by digit
        return " ".join("oh" if digit == "0" else english(int(digit)) for digit in whole)
    return english(value)


def _year(year: int) -> str:
    century, rest = divmod(year, 100)
    if 2000 <= year < 2010:
        return english(year)
    if not rest:
        return f"{english(century)} hundred"
    return f"{english(century)} {'oh ' if rest < 10 else ''}{english(rest)}"


def _ordinal(number: int) -> str:
    *front, last = english(number).split()
    last = f"{last[:-1]}ieth" if last.endswith("y") else _ORDINALS.get(last, f"{last}th")
    return " ".join([*front, last])


def _plural(words: str) -> str:
    return f"{words[:-1]}ies" if words.endswith("y") else f"{words}s"
