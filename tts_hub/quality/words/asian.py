"""Arabic digits in Japanese and Chinese texts, written with ideographs as they are read."""

from __future__ import annotations

import re

_DIGITS = "〇一二三四五六七八九"
_PLACES = ("", "十", "百", "千")
_NUMBER = re.compile(r"\d{1,3}(?:,\d{3})+|\d+")


def digits_in_ideographs(text: str) -> str:
    """The text with each whole number below 100 million in ideographs; a longer one digit by digit."""
    return _NUMBER.sub(lambda match: ideographs(match.group().replace(",", "")), text)


def ideographs(number: str) -> str:
    """A number in decimal digits as it is read: 25 is 二十五, 12000 is 一万二千."""
    value = int(number)
    if value == 0 or value >= 10**8 or number.startswith("0"):
        return "".join(_DIGITS[int(digit)] for digit in number)
    high, low = divmod(value, 10_000)
    return (_below_ten_thousand(high) + "万" if high else "") + _below_ten_thousand(low)


def _below_ten_thousand(value: int) -> str:
    said = ""
    for place in range(3, -1, -1):
        digit = value // 10**place % 10
        if digit:
            said += ("" if digit == 1 and place else _DIGITS[digit]) + _PLACES[place]
    return said
