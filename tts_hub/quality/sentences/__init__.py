"""The sentences that engines read for a measurement: 200 in English, 20 in each other language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from tts_hub.errors import UnsupportedLanguageError, one_of

LANGUAGES = ("en", "es", "fr", "it", "de", "pt", "ja", "zh")
SPOKEN_MARK = " => "


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of a set."""

    kind: str
    """The section of the set, such as `numbers`."""
    text: str
    """The text as an engine gets it."""
    spoken: str
    """The words of a good reader; the same as `text` where the writing leaves no doubt."""


def sentences(language: str, most: int | None = None) -> list[Sentence]:
    """The set of a language, or `most` of its sentences, taken evenly from all sections.

    Raises:
        UnsupportedLanguageError: there is no set in this language.
    """
    if language not in LANGUAGES:
        raise UnsupportedLanguageError(f"no sentences in {language!r}; {one_of(language, LANGUAGES)}")
    found = parse_sentences(files(__package__).joinpath(f"{language}.txt").read_text(encoding="utf-8"))
    return evenly(found, most)


def parse_sentences(content: str) -> list[Sentence]:
    """The sentences of a file, where `[kind]` opens a section and ` => ` comes before the spoken words."""
    kind, found = "", list[Sentence]()
    for line in map(str.strip, content.splitlines()):
        if line.startswith("[") and line.endswith("]"):
            kind = line[1:-1]
        elif line and not line.startswith("#"):
            text, _, spoken = line.partition(SPOKEN_MARK)
            found.append(Sentence(kind, text, spoken or text))
    return found


def evenly(found: Sequence[Sentence], most: int | None) -> list[Sentence]:
    """At most `most` of the sentences, at equal distances."""
    if most is None or most >= len(found):
        return list(found)
    return [found[(2 * number + 1) * len(found) // (2 * most)] for number in range(most)]
