"""What the rules need to know of a language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Form = Literal["one", "few", "many", "part"]
"""The grammatical form of a noun behind a number; `part` follows one with decimals."""


@dataclass(frozen=True, slots=True)
class Currency:
    """The name of a currency behind an amount."""

    one: str
    """With its number: `one dollar`."""
    many: str
    few: str = ""
    """Behind 2, 3 and 4 where that is another form; behind decimals too."""
    cents: tuple[str, str] | None = None
    """Name of a hundredth, for one and for more; None: the hundredths are said without a name."""

    def named(self, form: Form) -> str:
        """The name behind another number than one."""
        return self.few if self.few and form in ("few", "part") else self.many


def usual_form(whole: int) -> Form:
    """Singular for one."""
    return "one" if whole == 1 else "many"


@dataclass(frozen=True, slots=True, eq=False)
class LanguageRules:
    """How a language says signs. What is left empty is read well by the engines themselves."""

    signs: Mapping[str, str] = field(default_factory=dict)
    """Between two operands, or before one: the words for it."""
    minus: str = ""
    """Before a number, where engines say nothing of a hyphen or a minus sign."""
    about: str = ""
    """For `~` before a number."""
    to: str = ""
    """Between the ends of a range."""
    ratio: str = ""
    """Between the numbers of a ratio or a score."""
    number: str = ""
    """For `#` and `№` before a number."""
    section: str = ""
    """For `§` before a number."""
    copyright: str = ""
    percent: str = ""
    """With `{}` for the number."""
    per_mille: str = ""
    degrees: Mapping[str, str] = field(default_factory=dict)
    """`°C`, `°F` and `°`, with `{}` for the number; `1°C` for one degree, where that differs."""
    powers: tuple[str, str, str] | None = None
    """For 2, for 3, and with `{}` for any other."""
    areas: Mapping[str, str] = field(default_factory=dict)
    """Units with a power, such as `m²`."""
    fractions: Mapping[str, str] = field(default_factory=dict)
    """Said alone."""
    mixed: Mapping[str, str] = field(default_factory=dict)
    """Said behind a whole number; those that are missing are said as alone, behind `mixed_and`."""
    mixed_and: str = " "
    currencies: Mapping[str, Currency] = field(default_factory=dict)
    """By sign."""
    cents_and: str = " "
    """Between a sum and its hundredths; empty: a decimal number is said."""
    magnitudes: Mapping[str, str] = field(default_factory=dict)
    """What may stand behind an amount, such as `million` or `bn`, and how it is said before a currency."""
    elisions: Mapping[str, str] = field(default_factory=dict)
    """What two words become where they meet."""
    decimal_comma: bool = True
    words_apart: bool = True
    """Words are parted by spaces."""
    days: Mapping[str, str] = field(default_factory=dict)
    """Short names of days and months, for ranges of them."""
    form_of: Callable[[int], Form] = usual_form


def fractions(
    numerators: str, nouns: Mapping[int, tuple[str, str]], template: str = "{} {}"
) -> dict[str, str]:
    """Names of Unicode's fractions; `numerators` are the words for 1 to 7, `nouns` the names of a part."""
    words = numerators.split()
    parts = {
        "½": (1, 2), "⅓": (1, 3), "⅔": (2, 3), "¼": (1, 4), "¾": (3, 4), "⅕": (1, 5), "⅖": (2, 5),
        "⅗": (3, 5), "⅘": (4, 5), "⅙": (1, 6), "⅚": (5, 6), "⅐": (1, 7), "⅛": (1, 8), "⅜": (3, 8),
        "⅝": (5, 8), "⅞": (7, 8), "⅑": (1, 9), "⅒": (1, 10),
    }  # fmt: skip
    return {
        sign: template.format(words[top - 1], nouns[bottom][top > 1]) for sign, (top, bottom) in parts.items()
    }
