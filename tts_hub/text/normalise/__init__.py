"""Normalising: the user's text with everything that engines misread put into words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from tts_hub.text.normalise.characters import (
    drop_invisible,
    fold_boxes,
    fold_styles,
    is_plain,
    plain_spaces,
)
from tts_hub.text.normalise.edits import Draft, SpokenText, joined
from tts_hub.text.normalise.emoji import name_emoji, skip_emoji
from tts_hub.text.normalise.languages import RULES, primary
from tts_hub.text.normalise.languages.model import LanguageRules
from tts_hub.text.normalise.money import name_currencies
from tts_hub.text.normalise.numbers import join_thousands, say_fractions, say_measures, say_powers
from tts_hub.text.normalise.ranges import pause_at_dashes, say_ranges
from tts_hub.text.normalise.shortened import MAY_BE_SHORTENED, say_shortened
from tts_hub.text.normalise.signs import say_signs
from tts_hub.text.normalise.word_map import WordMapper

__all__ = ["NormaliseOptions", "SpokenText", "WordMapper", "spoken_form"]

_NO_RULES = LanguageRules()
_BEFORE_SIGNS = re.compile(
    r"[<>=+*^~#$%&]|--|\s-+\s|\d ?- ?\d|\d:\d|(?<![\w.])[-.]\.?\d|[a-z]-[A-Z]|zł|\d \d{3}"
)
"""Signs in ASCII that may need words; other characters are looked at one by one."""
_PROTECTED = re.compile(r"\]\(/[^/()\n]{1,200}/\)|</?[A-Za-z][^<>\n]{0,100}>|https?://\S{1,2000}")
"""Inline phonemes, tags and addresses, which stay as they are."""
_BULLETS = re.compile(r"(?:(?<=\n)|\A)\s{0,8}[•‣⁃◦▪▫■□●○◆◇★☆✦▶►] ?|(?<=\S) ?[•‣] ?(?=\S)")
_SPARE_SPACES = re.compile(r"(?<= ) +")
_LEADING, _TRAILING = re.compile(r"\A +"), re.compile(r" +\Z")


@dataclass(frozen=True, slots=True)
class NormaliseOptions:
    """Options for the text that an engine gets."""

    emoji: Literal["name", "skip"] = "name"
    """Whether the name of each emoji is spoken, or emoji are left out."""
    only_letters: bool = False
    """Only fold styled letters, for engines that read signs and emoji well."""


def spoken_form(text: str, language: str = "", options: NormaliseOptions = NormaliseOptions()) -> SpokenText:
    """The text that an engine gets for a plain text.

    Pure, in time linear to the length of the text. A text that needs no change is returned as it is, after a
    look at its characters.

    Args:
        text: one segment, without SSML.
        language: BCP 47 tag; without it, and in a language without tables, signs are left to the engine.
        options: whether emoji are named, and whether signs are left alone.
    """
    if _is_plain(text):
        return SpokenText(text, text)
    tag = primary(language)
    at, parts = 0, list[SpokenText]()
    for protected in _PROTECTED.finditer(text):
        parts.append(_spoken(text[at : protected.start()], tag, options, first=at == 0, last=False))
        parts.append(SpokenText(protected.group(), protected.group()))
        at = protected.end()
    rest = _spoken(text[at:], tag, options, first=at == 0, last=True)
    return joined(text, [*parts, rest]) if parts else rest


def _is_plain(text: str) -> bool:
    if _BEFORE_SIGNS.search(text) or MAY_BE_SHORTENED.search(text):
        return False
    return text.isascii() or all(map(is_plain, set(text)))


def _spoken(text: str, language: str, options: NormaliseOptions, *, first: bool, last: bool) -> SpokenText:
    """The spoken form of a part; the first and the last of a text lose the spaces at its ends."""
    draft, rules = Draft(text), RULES.get(language, _NO_RULES)
    is_ascii = text.isascii()
    if not is_ascii:
        fold_boxes(draft)
        if options.emoji == "skip":
            skip_emoji(draft)
        elif not options.only_letters:
            name_emoji(draft, language)
        drop_invisible(draft)
        fold_styles(draft, language)
    if not options.only_letters:
        if not is_ascii:
            draft.edit(_BULLETS, lambda match: "" if match.start() == 0 or "\n" in match.group() else ", ")
            plain_spaces(draft)
        say_shortened(draft, language)
        _say(draft, rules)
        pause_at_dashes(draft)
    if draft.text != text:
        for spare in (_SPARE_SPACES, *[_LEADING] * first, *[_TRAILING] * last):
            draft.edit(spare, lambda match: "")
    return draft.finish()


def _say(draft: Draft, rules: LanguageRules) -> None:
    """Put numbers and signs into words of the language."""
    join_thousands(draft, rules)
    if not draft.text.isascii():
        say_fractions(draft, rules)
    say_powers(draft, rules)
    name_currencies(draft, rules)
    say_measures(draft, rules)
    say_ranges(draft, rules)
    say_signs(draft, rules)
