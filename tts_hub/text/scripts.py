"""The scripts of letters, such as Latin and Cyrillic."""

from __future__ import annotations

import unicodedata
from collections.abc import Set

LATIN = frozenset({"LATIN", "FULLWIDTH", "GREEK", "MICRO"})
"""Scripts that every language reads; Greek letters are read by their names, as in formulas."""
HAN = frozenset({"CJK", "IDEOGRAPHIC"})
KANA = frozenset({"HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "HALFWIDTH"})


def script_of(letter: str) -> str:
    """The script of a letter, such as `CYRILLIC`, by the first word of its Unicode name; empty for others.

    Styled letters count as the plain ones.
    """
    plain = unicodedata.normalize("NFKC", letter)[:1]
    if not plain.isalpha():
        return ""
    script = unicodedata.name(plain, "").partition(" ")[0]
    return "" if script == "MODIFIER" else script


def script_name(script: str) -> str:
    """The usual name for the letters of a script."""
    return "Chinese" if script in HAN else "Japanese" if script in KANA else script.capitalize()


def foreign_script(text: str, own: Set[str]) -> str:
    """The script, such as `CYRILLIC`, of a text without any letter of one's `own` scripts; else empty."""
    foreign = ""
    for script in filter(None, map(script_of, text)):
        if script in own:
            return ""
        foreign = foreign or script
    return foreign
