"""Amounts as people write them, with marks between thousands and before decimals."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tts_hub.text.normalise.languages.model import Form, LanguageRules

_MARKS = re.compile(r"[.,'’ ]")
_DECIMALS = re.compile(r"(.*)[.,](\d+)")


def amount_pattern(rules: LanguageRules) -> str:
    """A regular expression for an amount."""
    space = " " if rules.decimal_comma else ""
    lakhs = r"\d{1,2}(?:,\d{2}){1,5},\d{3}(?:\.\d{1,2})?(?!\d)"
    grouped = rf"\d{{1,3}}(?:[.,'’{space}]\d{{3}}){{1,5}}(?:[.,]\d{{1,2}})?(?!\d)"
    return rf"(?:{lakhs}|{grouped}|\d{{1,15}}(?:[.,]\d{{1,8}})?|\.\d{{1,8}})"


@dataclass(frozen=True, slots=True)
class Amount:
    """The value of a written amount."""

    whole: str
    """The digits of the whole number, without marks."""
    decimals: str
    """The digits behind the decimal mark; empty for a whole number."""

    def figure(self, rules: LanguageRules) -> str:
        """The number as the engines of a language read it: with marks, as 1984 alone is read as a year."""
        whole = f"{int(self.whole):,}" if rules.words_apart else self.whole
        if rules.decimal_comma:
            whole = whole.replace(",", ".")
        return f"{whole}{',' if rules.decimal_comma else '.'}{self.decimals}" if self.decimals else whole

    def form(self, rules: LanguageRules) -> Form:
        """The grammatical form of a noun behind it."""
        if not self.decimals:
            return rules.form_of(int(self.whole))
        return "part"

    @property
    def hundredths(self) -> str:
        """The decimals as a number of hundredths; empty if there are not two, or both are zero."""
        return self.decimals.lstrip("0") if len(self.decimals) == 2 else ""


def read_amount(written: str, rules: LanguageRules) -> Amount:
    """The value of an amount. A mark before three digits separates thousands if the language does so."""
    decimals = _DECIMALS.fullmatch(written)
    if decimals is None:
        return Amount(_MARKS.sub("", written), "")
    before, last = decimals.groups()
    mark = written[-len(last) - 1]
    of_thousands = mark == ("." if rules.decimal_comma else ",") or mark in before
    if len(last) == 3 and of_thousands:
        return Amount(_MARKS.sub("", written), "")
    return Amount(_MARKS.sub("", before) or "0", "" if last == "00" else last)
