"""Numbers in Japanese texts, rewritten where Open JTalk misreads them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tts_hub.text.phonemes.transcription import Span

CURRENCIES: Mapping[str, str] = {
    "￥": "円",
    "¥": "円",
    "$": "ドル",
    "＄": "ドル",
    "€": "ユーロ",
    "£": "ポンド",
    "￡": "ポンド",
}
NUMERALS = "0123456789〇一二三四五六七八九十百千万億兆"
NUMBER = re.compile(r"\d[\d,.]*(?<![,.])|[〇一二三四五六七八九十百千万億兆]+")
"""A number in a line of normal width."""

_REWRITTEN = re.compile(
    r"(?P<comma>(?<=\d)[,，](?=\d{3}(?!\d)))"
    rf"|(?P<sign>[{''.join(CURRENCIES)}])\s?(?P<amount>\d[\d,，.．]*(?<![,，.．]))(?P<scale>[万億兆]?)"
    rf"(?:{'|'.join(sorted(set(CURRENCIES.values())))})?"
    r"|(?<![\d:：])(?P<hour>\d{1,2})[:：](?P<minute>\d{2})(?![\d:：])"
    r"|(?<![\d/])(?P<year>\d{4})[/\-](?P<month>\d{1,2})[/\-](?P<day>\d{1,2})(?![\d/\-])"
    r"|(?P<section>\d+(?:[.．]\d+){2,})"
    r"|(?P<range>(?<=\w)\s?[〜～~–]\s?(?=\d))"
    r"|(?P<minus>(?<![\w\-−－)）])[-−－](?=\d))"
)


def rewritten(text: str) -> tuple[str, list[Span]]:
    """The text with amounts, times, dates, ranges and signs in words: `￥1,200` as `1200円`.

    Returns also the characters `[start, end)` of `text` that each character of the new text comes from.
    """
    line, origins, at = "", list[Span](), 0
    for found in _REWRITTEN.finditer(text):
        between = text[at : found.start()]
        new = _words_of(found)
        line += between + new
        origins += [(place, place + 1) for place in range(at, found.start())] + [found.span()] * len(new)
        at = found.end()
    return line + text[at:], origins + [(place, place + 1) for place in range(at, len(text))]


def _words_of(found: re.Match[str]) -> str:
    if found["sign"]:
        return re.sub("[,，]", "", found["amount"]) + found["scale"] + CURRENCIES[found["sign"]]
    if found["hour"]:
        return f"{int(found['hour'])}時" + (f"{int(found['minute'])}分" if int(found["minute"]) else "")
    if found["year"]:
        return f"{found['year']}年{int(found['month'])}月{int(found['day'])}日"
    if found["section"]:
        return re.sub("[.．]", "点", found["section"])
    if found["range"]:
        return "から"
    return "マイナス" if found["minus"] else ""
