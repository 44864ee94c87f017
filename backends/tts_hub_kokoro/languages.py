"""The languages of the model, and the scripts that each of them is written in."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass

from tts_hub.text.languages import nearness
from tts_hub.text.scripts import HAN, KANA, LATIN


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
