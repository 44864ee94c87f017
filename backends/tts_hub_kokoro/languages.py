"""The languages of the model, and the scripts that each of them is written in."""

from __future__ import annotations

import importlib.util
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from tts_hub.text.languages import nearness

LATIN = frozenset({"LATIN", "FULLWIDTH", "GREEK", "MICRO"})
"""Scripts that every language reads; Greek letters are read by their names, as in formulas."""
HAN = frozenset({"CJK", "IDEOGRAPHIC"})
KANA = frozenset({"HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "HALFWIDTH"})


@dataclass(frozen=True, slots=True)
class Language:
    """One language, and the reader that turns its text into phonemes."""

    tag: str
    """The BCP 47 tag, with a region only where the model distinguishes regions."""
    espeak: str = ""
    """espeak-ng's name for it; empty if the model has not learnt the phonemes of espeak-ng."""
    scripts: frozenset[str] = LATIN
    """Scripts that its texts may contain, by the first words of the letters' Unicode names."""
    package: str = ""
    """The extra of tts-hub with its reader, if that is not espeak-ng."""
    module: str = ""
    """The module that the extra installs."""

    @property
    def primary(self) -> str:
        """The tag without a region."""
        return self.tag.partition("-")[0]

    @property
    def own_scripts(self) -> frozenset[str]:
        """Scripts that its reader reads by itself; Latin only if the language is written in it."""
        return self.scripts if self.espeak else self.scripts - LATIN

    def installed(self) -> bool:
        """Whether its reader is installed."""
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
"""First letter of a voice -> language: https://huggingface.co/hexgrad/Kokoro-82M/blob/main/VOICES.md"""
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
    """The usual name for the letters of a script."""
    return "Chinese" if script in HAN else "Japanese" if script in KANA else script.capitalize()


def foreign_script(text: str, language: Language) -> str:
    """The script, such as `CYRILLIC`, of a text without any letter of the language; else empty.

    espeak-ng would read the names of its letters, or leave it out.
    """
    foreign = ""
    for script in filter(None, map(script_of, text)):
        if script in language.scripts:
            return ""
        foreign = foreign or script
    return foreign
