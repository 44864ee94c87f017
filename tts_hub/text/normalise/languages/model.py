"""The form of the tables: what normalising needs to know about a language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Form = Literal["one", "few", "many", "part"]
"""The grammatical form of a noun behind a number; `part` follows a number with decimals."""


@dataclass(frozen=True, slots=True)
class Currency:
    """The name of a currency behind an amount."""

    one: str
    """The name with the number one: `one dollar`."""
    many: str
    """The name behind other numbers."""
    few: str = ""
    """The name behind 2, 3, 4 and decimals, where that is another form."""
    cents: tuple[str, str] | None = None
    """The name of a hundredth, for one and for more; None: hundredths are said without a name."""

    def named(self, form: Form) -> str:
        """The name behind a number that is not one."""
        return self.few if self.few and form in ("few", "part") else self.many


def usual_form(whole: int) -> Form:
    """The usual form: singular for one, plural for others."""
    return "one" if whole == 1 else "many"


@dataclass(frozen=True, slots=True, eq=False)
class LanguageRules:
    """The words of a language for signs. Engines read well what a table leaves empty."""

    signs: Mapping[str, str] = field(default_factory=dict)
    """Sign between two operands, or before one -> its words."""
    minus: str = ""
    """The word for a minus before a number, where engines skip it."""
    about: str = ""
    """The word for `~` before a number."""
    to: str = ""
    """The word between the ends of a range."""
    ratio: str = ""
    """The word between the numbers of a ratio or a score."""
    number: str = ""
    """The word for `#` and `№` before a number."""
    section: str = ""
    """The word for `§` before a number."""
    copyright: str = ""
    percent: str = ""
    """A percentage, with `{}` for the number."""
    per_mille: str = ""
    degrees: Mapping[str, str] = field(default_factory=dict)
    """`°C`, `°F` or `°` -> words, with `{}` for the number; `1°C` for one degree, where that differs."""
    powers: tuple[str, str, str] | None = None
    """The words for the power of 2, of 3, and with `{}` of any other number."""
    areas: Mapping[str, str] = field(default_factory=dict)
    """Unit with a power, such as `m²` -> words."""
    fractions: Mapping[str, str] = field(default_factory=dict)
    """Fraction -> its words where it stands alone."""
    mixed: Mapping[str, str] = field(default_factory=dict)
    """Fraction -> its words behind a whole number; for others, `mixed_and` and the words of `fractions`."""
    mixed_and: str = " "
    currencies: Mapping[str, Currency] = field(default_factory=dict)
    """Sign -> currency."""
    cents_and: str = " "
    """The word between a sum and its hundredths; empty: the sum is said as a decimal number."""
    magnitudes: Mapping[str, str] = field(default_factory=dict)
    """Word behind an amount, such as `million` or `bn` -> its form before a currency."""
    elisions: Mapping[str, str] = field(default_factory=dict)
    """Two words -> their contraction."""
    decimal_comma: bool = True
    """The decimal mark is a comma, not a point."""
    words_apart: bool = True
    """There are spaces between words."""
    days: Mapping[str, str] = field(default_factory=dict)
    """Short name of a day or month -> full name, for ranges."""
    form_of: Callable[[int], Form] = usual_form


def fractions(
    numerators: str, nouns: Mapping[int, tuple[str, str]], template: str = "{} {}"
) -> dict[str, str]:
    """The words for Unicode's fractions; `numerators` are the words for 1 to 7.

    `nouns` maps a denominator to the name of one part, and of several.
    """
    words = numerators.split()
    parts = {
        "½": (1, 2), "⅓": (1, 3), "⅔": (2, 3), "¼": (1, 4), "¾": (3, 4), "⅕": (1, 5), "⅖": (2, 5),
        "⅗": (3, 5), "⅘": (4, 5), "⅙": (1, 6), "⅚": (5, 6), "⅐": (1, 7), "⅛": (1, 8), "⅜": (3, 8),
        "⅝": (5, 8), "⅞": (7, 8), "⅑": (1, 9), "⅒": (1, 10),
    }  # fmt: skip
    return {
        sign: template.format(words[top - 1], nouns[bottom][top > 1]) for sign, (top, bottom) in parts.items()
    }
