"""Numbers in Chinese texts, in Chinese words: `3.5km` as `三点五公里`, `50%` as `百分之五十`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

DIGITS = "零一二三四五六七八九"
UNITS: Mapping[str, str] = {
    "mm": "毫米",
    "cm": "厘米",
    "m": "米",
    "km": "公里",
    "mg": "毫克",
    "g": "克",
    "kg": "公斤",
    "t": "吨",
    "ml": "毫升",
    "mL": "毫升",
    "L": "升",
    "l": "升",
    "ms": "毫秒",
    "s": "秒",
    "min": "分钟",
    "h": "小时",
    "km/h": "公里每小时",
    "m/s": "米每秒",
    "W": "瓦",
    "kW": "千瓦",
    "V": "伏",
    "Hz": "赫兹",
    "℃": "摄氏度",
    "°C": "摄氏度",
    "°": "度",
    "m²": "平方米",
    "㎡": "平方米",
    "km²": "平方公里",
    "m³": "立方米",
}
CURRENCIES: Mapping[str, str] = {"￥": "元", "¥": "元", "$": "美元", "€": "欧元", "£": "英镑"}
LONGEST = 16
"""Most digits of a number that is read as one; a longer one is read digit by digit."""
_SHARES: Mapping[str, str] = {"%": "百分之", "‰": "千分之"}
_COUNTED = (
    "[个個位只隻本条條张張件次天年辆輛杯瓶家种種块塊元点點倍人万萬亿億千]|公里|公斤|小时|小時|分钟|分鐘|平方"
)

_WIDTH = {ord(full): chr(ord(full) - 0xFEE0) for full in "０１２３４５６７８９％－＋＄"}
_BETWEEN_DIGITS = re.compile(r"(?<=\d)[．，：／～](?=\d)")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_MONEY = re.compile(
    rf"(?P<sign>[{''.join(CURRENCIES)}])\s?(?P<amount>\d+(?:\.\d+)?)(?P<scale>[万亿萬億]?)(?:美元|欧元|英镑|元)?"
)
_UNIT = re.compile(
    rf"(?<=\d)\s?(?P<unit>{'|'.join(sorted(map(re.escape, UNITS), key=len, reverse=True))})(?![A-Za-z])"
)
_NUMBER = re.compile(
    r"(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})(?![\d\-/.])"
    r"|(?P<years>\d{4})(?=年)|(?P<short>\d{2})(?=年\d{1,2}月)"
    r"|(?<![\d:])(?P<hour>[01]?\d|2[0-4]):(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d))?(?![\d:])"
    r"|(?P<left>\d+):(?P<right>\d+)(?![\d:])"
    r"|(?P<part>\d+)/(?P<whole>[1-9]\d*)(?![\d/])"
    r"|(?P<below>(?<![A-Za-z0-9-])[-−])(?P<cold>\d+(?:\.\d+)?)(?=摄氏度|度)"
    r"|(?P<section>\d+(?:\.\d+){2,})"
    r"|(?P<sign>(?<![A-Za-z0-9-])[-−])?(?P<number>\d+(?:\.\d+)?)(?P<percent>[%‰])"
    r"|(?P<line>0\d{2,3}-\d{7,8}|1[3-9]\d{9}|0\d+(?![.\d])|\d{17,})(?!\d)"
    rf"|(?<![\d.])(?P<two>2)(?=\s?(?:{_COUNTED}))"
    r"|(?P<minus>(?<![A-Za-z0-9-])[-−])?(?P<plain>\d+(?:\.\d+)?)(?P<to>\s?[-~–—]{1,2}\s?(?=\d))?"
)


def in_words(text: str) -> str:
    """The text with its numbers, amounts, units, dates and times in Chinese words."""
    text = _BETWEEN_DIGITS.sub(lambda found: chr(ord(found[0]) - 0xFEE0), text.translate(_WIDTH))
    text = _THOUSANDS.sub("", text)
    text = _MONEY.sub(lambda found: f"{found['amount']}{found['scale']}{CURRENCIES[found['sign']]}", text)
    return _NUMBER.sub(_words_of, _UNIT.sub(lambda found: UNITS[found["unit"]], text))


def is_unit(text: str, start: int, end: int) -> bool:
    """Whether the Latin letters `[start, end)` are a unit with a Chinese name behind a number."""
    return re.search(r"\d\s?$", text[max(0, start - 2) : start]) is not None and text[start:end] in UNITS


def cardinal(digits: str) -> str:
    """A whole number in words: `10203` as `一万零二百零三`."""
    digits = digits.lstrip("0")
    if len(digits) > LONGEST:
        return one_by_one(digits)
    groups = [digits[max(0, end - 4) : end] for end in range(len(digits), 0, -4)]
    read = ""
    for place, group in reversed(list(enumerate(groups))):
        four = _up_to_9999(group)
        if not four:
            continue
        gap = read and len(group.lstrip("0")) < 4
        read += ("零" if gap else "") + four + ["", "万", "亿", "万亿"][place]
    if read.startswith("一十"):
        read = read[1:]
    return read or "零"


def one_by_one(digits: str) -> str:
    """The names of the digits: `120` as `一二零`."""
    return "".join(DIGITS[int(digit)] for digit in digits)


def _up_to_9999(group: str) -> str:
    read, gap = "", False
    for place, digit in enumerate(group):
        if digit == "0":
            gap = True
            continue
        read += (
            ("零" if gap and read else "")
            + DIGITS[int(digit)]
            + ["", "十", "百", "千"][len(group) - place - 1]
        )
        gap = False
    return read


def _decimal(number: str) -> str:
    whole, _, fraction = number.partition(".")
    return cardinal(whole) + (f"点{one_by_one(fraction)}" if fraction else "")


def _words_of(found: re.Match[str]) -> str:
    for group, words in _READINGS.items():
        if found[group]:
            return words(found)
    return found[0]


def _time(found: re.Match[str]) -> str:
    read = ("两" if int(found["hour"]) == 2 else cardinal(found["hour"])) + "点"
    for group, name in (("minute", "分"), ("second", "秒")):
        number = found[group]
        if number and int(number):
            read += ("零" if number.startswith("0") else "") + cardinal(number) + name
    return read


_READINGS: Mapping[str, Callable[[re.Match[str]], str]] = {
    "year": lambda m: f"{one_by_one(m['year'])}年{cardinal(m['month'])}月{cardinal(m['day'])}日",
    "years": lambda m: one_by_one(m["years"]),
    "short": lambda m: one_by_one(m["short"]),
    "hour": _time,
    "left": lambda m: f"{cardinal(m['left'])}比{cardinal(m['right'])}",
    "part": lambda m: f"{cardinal(m['whole'])}分之{cardinal(m['part'])}",
    "below": lambda m: f"零下{_decimal(m['cold'])}",
    "section": lambda m: "点".join(map(cardinal, m["section"].split("."))),
    "percent": lambda m: ("负" if m["sign"] else "") + f"{_SHARES[m['percent']]}{_decimal(m['number'])}",
    "line": lambda m: one_by_one(m["line"].replace("-", "")).replace("一", "幺"),
    "two": lambda _: "两",
    "plain": lambda m: ("负" if m["minus"] else "") + _decimal(m["plain"]) + ("到" if m["to"] else ""),
}
