"""The languages of the model, each by the letter that its voices begin with."""

from __future__ import annotations

import importlib.util
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from tts_hub.text.languages import nearness

LATIN = frozenset({"LATIN", "FULLWIDTH", "GREEK", "MICRO"})
"""Greek letters are read by their names, as in formulas."""
HAN = frozenset({"CJK", "IDEOGRAPHIC"})
KANA = frozenset({"HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "HALFWIDTH"})


@dataclass(frozen=True, slots=True)
class Language:
    """One language and what turns its text into phonemes."""

    tag: str
    """BCP 47; regions only where the model tells them apart."""
    espeak: str = ""
    """What espeak-ng calls it; empty where its phonemes are not those that the model has learnt."""
    scripts: frozenset[str] = LATIN
    """Letters that a text of it may be in, by the first words of their Unicode names."""
    package: str = ""
    """Extra of this package whose phonemes the model has learnt instead."""
    module: str = ""
    """What that extra installs."""

    @property
    def primary(self) -> str:
        """The tag without a region."""
        return self.tag.partition("-")[0]

    @property
    def own_scripts(self) -> frozenset[str]:
        """Scripts that its reader reads by itself: the Latin one only where the language is written in it."""
        return self.scripts if self.espeak else self.scripts - LATIN

    def installed(self) -> bool:
        """Whether its reader is here."""
        return not self.module or importlib.util.find_spec(self.module) is not None


LANGUAGES: Mapping[str, Language] = {
    "a": Language("en-US", "en-us"),
    "b": Language("en-GB", "en-gb"),
    "e": Language("es", "es"),
    "f": Language("fr", "fr-fr"),
    "h": Language("hi", "hi", scripts=LATIN | {"DEVANAGARI"}),
    "i": Language("it", "it"),
    "j": Language("ja", scripts=LATIN | HAN | KANA, package="kokoro-ja", module="pyopenjtalk"),
    "p": Language("pt-BR", "pt-br"),
    "z": Language("zh", scripts=LATIN | HAN, package="kokoro-zh", module="misaki"),
}
"""https://huggingface.co/hexgrad/Kokoro-82M/blob/main/VOICES.md"""
TAGS = tuple(language.tag for language in LANGUAGES.values())


def language_of(tag: str) -> Language | None:
    """The language that is nearest to a BCP 47 tag; None: the model does not speak it."""
    near = [
        (rank, language)
        for language in LANGUAGES.values()
        if (rank := nearness(language.tag, tag)) is not None
    ]
    return min(near, key=lambda pair: pair[0])[1] if near else None


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
    """What a person calls the letters of a script."""
    return "Chinese" if script in HAN else "Japanese" if script in KANA else script.capitalize()


def foreign_script(text: str, language: Language) -> str:
    """The script of a text of which the language has not one letter, such as `CYRILLIC`; else empty.

    espeak-ng would read it by the names of its letters, or leave it out.
    """
    foreign = ""
    for script in filter(None, map(script_of, text)):
        if script in language.scripts:
            return ""
        foreign = foreign or script
    return foreign
