"""Units of a caption, which no line break cuts: words, joined to the next one where they belong to it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from tts_hub.captions.function_words import function_words
from tts_hub.captions.widths import width
from tts_hub.text.abbreviations import rules_for
from tts_hub.text.sentences import sentence_language

Ending = Literal["sentence", "clause", "phrase", "open", "abbreviation"]
"""The boundary behind a unit. `phrase`: the next unit begins a phrase; `open`: the next one may be the noun
of this one, as in `the hot tea`."""

_AROUND = re.compile(r"^[^\w°%‰€$£¥§]+|[^\w°%‰€$£¥§.]+$")
_NUMBER = re.compile(r"[$€£¥]?[0-9]+(?:[.,:/–-][0-9]+)*")
_YEAR = re.compile(r"[0-9]{4,}")
_SMALL_WORD = re.compile(r"[^\W\d_]+\.?")
_SIGN = re.compile(r"[°%‰€$£¥]")
_INITIAL = re.compile(r"[^\W\d_]\.")
_UNIT_WORDS = (
    "am pm a.m p.m h o'clock uhr euro euros dollar dollars percent prozent million millions billion "
    "billions thousand hundred mio mrd millionen milliarden tausend kg g mg t km m cm mm ml cl l mb "
    "gb tb kb kib mib gib hz khz mhz ghz w kw kwh v ma mah ah pa hpa bar ft lb lbs oz mi mph kmh km/h "
    "m/s min sec s ms std minuten stunden sekunden tage jahre meter kilometer grad bc bce ce"
)
_UNITS = frozenset(_UNIT_WORDS.split())


@dataclass(frozen=True, slots=True)
class Unit:
    """One or more words with the marks around them, and their times in seconds."""

    text: str
    start: float
    end: float
    spaced: bool
    """White space stood before it."""
    ending: Ending | None


class Binder:
    """Joins words that belong together, and rates the places between the others."""

    def __init__(self, language: str, columns: int, *, seconds: float, gap: float) -> None:
        """`seconds` is the longest time of a unit; a silence above `gap` seconds parts words."""
        code = sentence_language(language)
        self._rules = rules_for(code)
        self._words = function_words(code)
        self._columns = columns
        self._seconds = seconds
        self._gap = gap

    def bind(self, tokens: Sequence[Unit]) -> Iterator[Unit]:
        """The same text in units; a word that nothing binds is a unit of its own."""
        if not tokens:
            return
        unit = tokens[0]
        before_last = ""
        for last, token in pairwise(tokens):
            most = self._most(last, token)
            if most and self._fits(unit, token, most):
                unit = replace(token, text=_pair(unit, token), start=unit.start, spaced=unit.spaced)
            else:
                yield replace(unit, ending=unit.ending or self._ending(before_last, token.text))
                unit = token
            before_last = last.text
        yield unit

    def _fits(self, unit: Unit, token: Unit, most: int) -> bool:
        is_near = token.start - unit.end <= self._gap and token.end - unit.start <= self._seconds
        return token.spaced and is_near and width(_pair(unit, token)) <= most

    def _most(self, last: Unit, token: Unit) -> int:
        """The greatest width of a unit of two words, in columns; 0 where nothing binds them."""
        if last.ending in ("sentence", "clause"):
            return 0
        before, behind = _bare(last.text), _bare(token.text)
        if self._is_one_thing(before, behind):
            return self._columns
        word = before.casefold()
        leads = word in self._words.determiners or word in self._words.openers
        leads = leads and last.text.casefold().endswith(word)
        return self._columns * 3 // 4 if leads or behind.casefold() in self._words.postpositions else 0

    def _is_one_thing(self, before: str, behind: str) -> bool:
        """Whether two words are one thing: a time of day, number and unit, title and name, or a reference."""
        small = behind.casefold().rstrip(".")
        if _NUMBER.fullmatch(before):
            return self._is_counted(before, behind)
        if before.endswith("."):
            kind = self._rules.kind(before[:-1])
            if self._rules.ordinals and _NUMBER.fullmatch(before[:-1]):
                return True
            if kind == "always" or (kind is not None and behind[:1].isdigit()):
                return True
            if kind == "clock":
                return small in self._rules.behind_clock
            return _INITIAL.fullmatch(before) is not None and behind[:1].isupper()
        return before == "§" or (before.casefold() in self._rules.behind_clock and behind[:1].isdigit())

    def _is_counted(self, number: str, behind: str) -> bool:
        small = behind.casefold().rstrip(".")
        if small in _UNITS or small in self._rules.behind_clock or _SIGN.match(behind):
            return True
        is_noun = behind.islower() and _SMALL_WORD.fullmatch(behind) is not None
        is_function_word = small in self._words.openers or small in self._words.determiners
        return is_noun and not is_function_word and not _YEAR.fullmatch(number)

    def _ending(self, before: str, following: str) -> Ending | None:
        if _bare(following).casefold() in self._words.openers:
            return "phrase"
        return "open" if _bare(before).casefold() in self._words.determiners else None


def _pair(unit: Unit, token: Unit) -> str:
    return f"{unit.text} {token.text}"


def _bare(text: str) -> str:
    return _AROUND.sub("", text)
