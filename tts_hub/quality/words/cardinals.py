"""Whole numbers in words, in the languages of the sentences that are written with spaces."""

from __future__ import annotations

from collections.abc import Callable


def _listed(words: str) -> tuple[str, ...]:
    """A table of words, by number; `-` where there is none."""
    return tuple(words.split())


_EN_SMALL = _listed(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
)
_EN_TENS = _listed("- - twenty thirty forty fifty sixty seventy eighty ninety")
_EN_LARGE = ((10**9, "billion"), (10**6, "million"), (1_000, "thousand"), (100, "hundred"))
_DE_SMALL = _listed(
    "null ein zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn "
    "siebzehn achtzehn neunzehn"
)
_DE_TENS = _listed("- - zwanzig dreissig vierzig fünfzig sechzig siebzig achtzig neunzig")
_FR_SMALL = _listed(
    "zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize dix-sept "
    "dix-huit dix-neuf"
)
_FR_TENS = _listed("- - vingt trente quarante cinquante soixante soixante quatre-vingt quatre-vingt")
_ES_SMALL = _listed(
    "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis "
    "diecisiete dieciocho diecinueve veinte veintiuno veintidós veintitrés veinticuatro veinticinco "
    "veintiséis veintisiete veintiocho veintinueve"
)
_ES_TENS = _listed("- - - treinta cuarenta cincuenta sesenta setenta ochenta noventa")
_ES_HUNDREDS = _listed(
    "- ciento doscientos trescientos cuatrocientos quinientos seiscientos setecientos ochocientos novecientos"
)
_IT_SMALL = _listed(
    "zero uno due tre quattro cinque sei sette otto nove dieci undici dodici tredici quattordici quindici "
    "sedici diciassette diciotto diciannove"
)
_IT_TENS = _listed("- - venti trenta quaranta cinquanta sessanta settanta ottanta novanta")
_PT_SMALL = _listed(
    "zero um dois três quatro cinco seis sete oito nove dez onze doze treze quatorze quinze dezesseis "
    "dezessete dezoito dezenove"
)
_PT_TENS = _listed("- - vinte trinta quarenta cinquenta sessenta setenta oitenta noventa")
_PT_HUNDREDS = _listed(
    "- cento duzentos trezentos quatrocentos quinhentos seiscentos setecentos oitocentos novecentos"
)
LARGEST = 10**12 - 1
"""The largest number that `english` says; beyond it the digits stay. Other languages end at 999,999."""


def english(number: int) -> str:
    """An English number without `and`: `two hundred five`."""
    if number > LARGEST:
        return str(number)
    if number < 20:
        return _EN_SMALL[number]
    if number < 100:
        tens, rest = divmod(number, 10)
        return _EN_TENS[tens] + (f" {_EN_SMALL[rest]}" if rest else "")
    size, name = next(large for large in _EN_LARGE if number >= large[0])
    count, rest = divmod(number, size)
    return f"{english(count)} {name}" + (f" {english(rest)}" if rest else "")


def german(number: int) -> str:
    """A German number in one word, with `ss` for `ß`: `zweihundertfünf`."""
    if number == 1:
        return "eins"
    return _german(number)


def _german(number: int, *, last: bool = False) -> str:
    if number < 20:
        return "eins" if last and number == 1 else _DE_SMALL[number]
    if number < 100:
        tens, rest = divmod(number, 10)
        return (f"{_DE_SMALL[rest]}und" if rest else "") + _DE_TENS[tens]
    size, name = (100, "hundert") if number < 1_000 else (1_000, "tausend")
    count, rest = divmod(number, size)
    return f"{_german(count)}{name}" + (_german(rest, last=True) if rest else "")


def french(number: int) -> str:
    """A French number with hyphens below one hundred: `deux cent quatre-vingt-deux`."""
    if number < 20:
        return _FR_SMALL[number]
    if number < 100:
        tens, rest = divmod(number, 10)
        if tens in (7, 9):
            rest += 10
        joint = " et " if rest in (1, 11) and tens < 8 else "-"
        return _FR_TENS[tens] + (f"{joint}{_FR_SMALL[rest]}" if rest else "")
    size, name = (100, "cent") if number < 1_000 else (1_000, "mille")
    count, rest = divmod(number, size)
    return (f"{french(count)} " if count > 1 else "") + name + (f" {french(rest)}" if rest else "")


def spanish(number: int) -> str:
    """A Spanish number in the masculine: `doscientos treinta y uno`."""
    if number < 30:
        return _ES_SMALL[number]
    if number < 100:
        tens, rest = divmod(number, 10)
        return _ES_TENS[tens] + (f" y {_ES_SMALL[rest]}" if rest else "")
    if number == 100:
        return "cien"
    if number < 1_000:
        hundreds, rest = divmod(number, 100)
        return _ES_HUNDREDS[hundreds] + (f" {spanish(rest)}" if rest else "")
    count, rest = divmod(number, 1_000)
    return (f"{spanish(count)} " if count > 1 else "") + "mil" + (f" {spanish(rest)}" if rest else "")


def italian(number: int) -> str:
    """An Italian number in one word: `duecentotrentuno`."""
    if number < 20:
        return _IT_SMALL[number]
    if number < 100:
        tens, rest = divmod(number, 10)
        stem = _IT_TENS[tens][:-1] if rest in (1, 8) else _IT_TENS[tens]
        return stem + (("tré" if rest == 3 else _IT_SMALL[rest]) if rest else "")
    if number < 1_000:
        hundreds, rest = divmod(number, 100)
        return (_IT_SMALL[hundreds] if hundreds > 1 else "") + "cento" + (italian(rest) if rest else "")
    count, rest = divmod(number, 1_000)
    return (f"{italian(count)}mila" if count > 1 else "mille") + (italian(rest) if rest else "")


def portuguese(number: int) -> str:
    """A Portuguese number, with the Brazilian forms of 14 to 19: `cento e vinte e um`."""
    if number < 20:
        return _PT_SMALL[number]
    if number < 100:
        tens, rest = divmod(number, 10)
        return _PT_TENS[tens] + (f" e {_PT_SMALL[rest]}" if rest else "")
    if number == 100:
        return "cem"
    if number < 1_000:
        hundreds, rest = divmod(number, 100)
        return _PT_HUNDREDS[hundreds] + (f" e {portuguese(rest)}" if rest else "")
    count, rest = divmod(number, 1_000)
    joint = " e " if rest < 100 or rest % 100 == 0 else " "
    thousands = (f"{portuguese(count)} " if count > 1 else "") + "mil"
    return thousands + (f"{joint}{portuguese(rest)}" if rest else "")


def _up_to_a_million(cardinal: Callable[[int], str]) -> Callable[[int], str]:
    return lambda number: cardinal(number) if number < 10**6 else str(number)


CARDINALS = {
    "en": english,
    "de": _up_to_a_million(german),
    "es": _up_to_a_million(spanish),
    "fr": _up_to_a_million(french),
    "it": _up_to_a_million(italian),
    "pt": _up_to_a_million(portuguese),
}
"""Language -> its function from a number, zero or more, to words."""
