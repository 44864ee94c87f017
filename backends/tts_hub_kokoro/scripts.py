"""The parts of a text in different scripts, and the language that reads each of them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from tts_hub.text.scripts import HAN, KANA, script_of
from tts_hub_kokoro.languages import LANGUAGES, Language

ENGLISH, HINDI, JAPANESE, CHINESE = (LANGUAGES[letter] for letter in "ahjz")
_LATIN = "A-Za-zÀ-ÖØ-öø-ɏＡ-Ｚａ-ｚ"
_WORD = re.compile(rf"(?P<latin>[{_LATIN}]+(?:[ '’.&+-]{{1,2}}[{_LATIN}]+)*)|(?P<letter>[^\W\d_])")
_LETTERS = re.compile(r"\w[\w'’-]*")

Reads = Callable[[str, int, int], bool]
"""Function that says whether Japanese or Chinese reads Latin letters `[start, end)` of a text itself."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a text that one language reads."""

    text: str
    start: int
    """Index of its first character in the whole text."""
    language: Language


def stretches(text: str, language: Language, reads: Reads) -> Iterator[Stretch]:
    """The text in order, cut where the language that reads it changes.

    Letters that `language` does not have are read by the language that has them, and Latin words in Japanese
    and Chinese texts by English. Digits and marks between two words of another language are read with them,
    all others by `language`, unless the text has no letter of it.
    """
    owned = list(_owned(text, language, reads))
    at_home = not owned or any(owner is language for *_, owner in owned)
    began, ended, current = 0, 0, language if at_home else owned[0][2]
    for start, end, owner in owned:
        if owner is not current:
            cut = ended if owner is language else start
            if cut > began:
                yield Stretch(text[began:cut], began, current)
            began, current = cut, owner
        ended = end
    if current is not language and at_home and ended < len(text):
        yield Stretch(text[began:ended], began, current)
        began, current = ended, language
    if began < len(text):
        yield Stretch(text[began:], began, current)


def unknown_letters(stretch: Stretch) -> Iterator[str]:
    """The words with letters that the language of a stretch does not have."""
    for word in _LETTERS.findall(stretch.text):
        if {script_of(letter) for letter in word} - {""} - stretch.language.scripts:
            yield word


def _owned(text: str, language: Language, reads: Reads) -> Iterator[tuple[int, int, Language]]:
    """The letters of a text, Latin words as one, and the language that reads them."""
    owners = _owners(text, language)
    native = " " not in text.strip() or any(script_of(letter) in language.own_scripts for letter in text)
    for found in _WORD.finditer(text):
        start, end = found.span()
        while end < len(text) and unicodedata.category(text[end]).startswith("M"):
            end += 1
        if found["latin"] is None:
            if script := script_of(found["letter"]):
                yield start, end, owners.get(script, language if language.espeak else ENGLISH)
        else:
            yield start, end, language if language.espeak or (native and reads(text, start, end)) else ENGLISH


def _owners(text: str, language: Language) -> Mapping[str, Language]:
    """Script -> the language that reads it, of those whose readers are installed."""
    scripts = {script_of(character) for character in text}
    ideographs = JAPANESE if scripts & KANA else CHINESE
    owners = {"DEVANAGARI": HINDI} | dict.fromkeys(KANA, JAPANESE) | dict.fromkeys(HAN, ideographs)
    able = {script: owner for script, owner in owners.items() if script in scripts and owner.installed()}
    return able | dict.fromkeys(language.own_scripts, language)
