"""Sums of money in words: the amount first, then the name of the currency."""

from __future__ import annotations

import re
from functools import lru_cache

from tts_hub.text.normalise.amounts import Amount, amount_pattern, read_amount
from tts_hub.text.normalise.edits import Draft
from tts_hub.text.normalise.languages.model import Currency, Form, LanguageRules

_SIGN = re.compile(r"[$£€¥₹₽₩₺₴₪₿¢]|zł")


class _Patterns:
    """The regular expressions for sums in one language."""

    def __init__(self, rules: LanguageRules) -> None:
        signs = "|".join(map(re.escape, sorted(rules.currencies, key=len, reverse=True)))
        magnitudes = "|".join(map(re.escape, sorted(rules.magnitudes, key=len, reverse=True)))
        amount = amount_pattern(rules)
        end = r"(?![^\W_])" if rules.words_apart else ""
        large = rf"(?: ?(?P<large>{magnitudes or '(?!)'}){end})"
        self.joint = re.compile(rf"(?<=\d) ?[–-] ?(?=(?:{signs}) ?\d)")
        self.sign_first = re.compile(
            rf"(?<![\w$£€¥])(?P<minus>[-−]?)(?P<sign>{signs}) ?(?P<below>[-−]?)"
            rf"(?P<low>{amount})(?:{large}| ?[–-] ?(?P<high>{amount}))?"
        )
        self.sign_last = re.compile(rf"(?<![\w.,])(?P<low>{amount}){large}? ?(?P<sign>{signs}){end}(?! ?\d)")


_patterns = lru_cache(maxsize=16)(_Patterns)


def name_currencies(draft: Draft, rules: LanguageRules) -> None:
    """Put sums into words: `$5.50` becomes `5 dollars and 50 cents` in English."""
    if not rules.currencies or not _SIGN.search(draft.text):
        return
    patterns = _patterns(rules)
    draft.edit(patterns.joint, lambda match: _apart(rules.to, rules))
    draft.edit(patterns.sign_first, lambda match: _sign_first(match, rules))
    draft.edit(patterns.sign_last, lambda match: _said(match, rules))


def _sign_first(match: re.Match[str], rules: LanguageRules) -> str:
    minus = match["minus"] or match["below"]
    if not match["high"]:
        return minus + _said(match, rules)
    low, high = read_amount(match["low"], rules), read_amount(match["high"], rules)
    currency = rules.currencies[match["sign"]]
    return f"{minus}{low.figure(rules)}{_apart(rules.to, rules)}{_named(high, currency, rules)}"


def _said(match: re.Match[str], rules: LanguageRules) -> str:
    currency, amount = rules.currencies[match["sign"]], read_amount(match["low"], rules)
    if match["large"]:
        words = (amount.figure(rules), rules.magnitudes[match["large"]], currency.many)
        said = (" " if rules.words_apart else "").join(words)
        for met, becomes in rules.elisions.items():
            said = said.replace(met, becomes)
        return said
    cents = amount.hundredths
    if not cents or not rules.cents_and:
        return _named(amount, currency, rules)
    named_cents = f"{cents} {currency.cents[cents != '1']}" if currency.cents else cents
    if amount.whole == "0":
        return named_cents if currency.cents else _named(amount, currency, rules)
    return _named(Amount(amount.whole, ""), currency, rules) + rules.cents_and + named_cents


def _named(amount: Amount, currency: Currency, rules: LanguageRules) -> str:
    """An amount with the name of its currency in the right form."""
    form: Form = amount.form(rules)
    if form == "one":
        one = currency.one
        return one if amount.whole == "1" else f"{amount.figure(rules)} {one.partition(' ')[2]}"
    gap = " " if rules.words_apart else ""
    return f"{amount.figure(rules)}{gap}{currency.named(form)}"


def _apart(word: str, rules: LanguageRules) -> str:
    return f" {word} " if rules.words_apart else word
