"""Numbers with a sign in words: powers, fractions, degrees, percentages."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from tts_hub.text.normalise.amounts import amount_pattern
from tts_hub.text.normalise.edits import Draft
from tts_hub.text.normalise.languages.model import LanguageRules

_RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹"
_LOWERED = "₀₁₂₃₄₅₆₇₈₉"
_PLAIN = str.maketrans(_RAISED + _LOWERED + "⁻₋⁺₊ⁿ", "0123456789" * 2 + "--++n")
_POWER = re.compile(f"(?<=[\\w)])(?P<minus>[⁻⁺]?)(?P<power>[{_RAISED}]{{1,9}}|ⁿ)")
_CARET = re.compile(r"(?<=[\w)])\^\(?(?P<minus>[-−]?)(?P<power>\d{1,9}|[a-z])\)?(?!\w)")
_FORMULA = re.compile(f"(?<![A-Za-z])[A-Z]{{2,4}}(?=[{_LOWERED}])")
_SUBSCRIPT = re.compile(f"[{_LOWERED}{_RAISED}⁻₋⁺₊ⁿ]+")
_UNIT = re.compile("(?<=\\d)(?P<gap> ?)(?P<unit>(?:[kcmd]?m|ft|[кс]?м)[²³])(?!\\w)")
_FRACTIONS = "¼½¾⅐-⅞"
_FRACTION = re.compile(f"(?P<whole>(?<!/)\\d ?)?(?P<sign>[{_FRACTIONS}])(?P<joined>(?=[^\\W\\d_]))?")
_SLASHED = re.compile("(?<!\\d)(?P<top>\\d)\u2044(?P<bottom>\\d{1,2})(?!\\d)")
_FRACTION_SIGNS = {unicodedata.normalize("NFKC", sign): sign for sign in "¼½¾⅐⅑⅒⅓⅔⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞"}
_POINT = re.compile(r"(?<![\w.,)])(?P<minus>[-−]?)\.(?=\d)")
_PLAIN_GROUPS = re.compile(r"(?<![\d.,] )(?<![\d.,])[1-9]\d{0,2}(?: \d{3})+(?![\d.,]?\d)(?! \d)")


class _Patterns:
    """The regular expressions that depend on how a language writes numbers."""

    def __init__(self, rules: LanguageRules) -> None:
        amount = amount_pattern(rules)
        self.degrees = re.compile(
            rf"(?<![\w.,])(?P<number>{amount}) ?(?P<degree>° ?[CF](?!\w)|°(?! ?[CF]\b))"
        )
        self.percent = re.compile(rf"(?<![\w.,])(?P<number>{amount}) ?(?P<sign>[%‰])")


_patterns = lru_cache(maxsize=16)(_Patterns)


def join_thousands(draft: Draft, rules: LanguageRules) -> None:
    """Remove the spaces between thousands, in languages that write them."""
    if rules.decimal_comma:
        draft.edit(_PLAIN_GROUPS, lambda match: match.group().replace(" ", ""))


def say_powers(draft: Draft, rules: LanguageRules) -> None:
    """Put raised and lowered digits into words, and units of area and volume."""
    if rules.areas:
        draft.edit(_UNIT, lambda match: _unit(match, rules))
    draft.edit(_FORMULA, lambda match: " ".join(match.group()) + " ")
    if rules.powers:
        draft.edit(_POWER, lambda match: _power(match, rules))
        draft.edit(_CARET, lambda match: _power(match, rules))
    draft.edit(_SUBSCRIPT, lambda match: match.group().translate(_PLAIN))


def say_fractions(draft: Draft, rules: LanguageRules) -> None:
    """Put fractions into words: single characters, and those with the fraction slash."""
    draft.edit(
        _SLASHED, lambda match: _FRACTION_SIGNS.get(match.group(), f"{match['top']}/{match['bottom']}")
    )
    if rules.fractions or rules.mixed:
        draft.edit(_FRACTION, lambda match: _fraction(match, rules))


def say_measures(draft: Draft, rules: LanguageRules) -> None:
    """Put degrees and percentages into words where engines skip them, and a zero before a leading point."""
    zero = "0," if rules.decimal_comma else "0."
    draft.edit(_POINT, lambda match: match["minus"] + zero)
    text = draft.text
    if "°" in text and rules.degrees:
        draft.edit(_patterns(rules).degrees, lambda match: _degrees(match, rules))
    if ("%" in text and rules.percent) or ("‰" in text and rules.per_mille):
        draft.edit(_patterns(rules).percent, lambda match: _percent(match, rules))


def _power(match: re.Match[str], rules: LanguageRules) -> str | None:
    if rules.powers is None:
        return None
    base = re.search(r"[^\W\d_]*\Z", match.string[: match.start()][-24:])
    if base is not None and len(base.group()) > 2:
        return " " + match["power"].translate(_PLAIN)  # the number of a footnote, not a power
    power = match["power"].translate(_PLAIN)
    square, cube, other = rules.powers
    minus = f"{rules.minus} " if match["minus"] in ("⁻", "-", "−") and match["minus"] else ""
    words = {"2": square, "3": cube}.get(minus + power) or other.format(minus + power)
    after = match.string[match.end() : match.end() + 1]
    lead, trail = (" ", " " if after.isalnum() else "") if rules.words_apart else ("", "")
    return lead + words + trail


def _unit(match: re.Match[str], rules: LanguageRules) -> str | None:
    name = rules.areas.get(match["unit"])
    return None if name is None else (" " if rules.words_apart else "") + name


def _fraction(match: re.Match[str], rules: LanguageRules) -> str | None:
    sign, whole = match["sign"], match["whole"]
    words = rules.fractions.get(sign, "")
    if whole and sign in rules.mixed:
        words = f"{whole.rstrip()} {rules.mixed[sign]}"
    elif whole and words:
        words = f"{whole.rstrip()}{rules.mixed_and}{words}"
    if not words:
        return None
    return words + (" " if match["joined"] is not None and rules.words_apart else "")


def _degrees(match: re.Match[str], rules: LanguageRules) -> str | None:
    degree = match["degree"].replace(" ", "")
    single = match["number"] == "1" and rules.degrees.get(f"1{degree}")
    said = single or rules.degrees.get(degree)
    if said is None:
        return None
    joins = rules.words_apart and match.string[match.end() : match.end() + 1].isalpha()
    return said.format(match["number"]) + (" " if joins else "")


def _percent(match: re.Match[str], rules: LanguageRules) -> str | None:
    said = rules.percent if match["sign"] == "%" else rules.per_mille
    return said.format(match["number"]) if said else None
