"""Inline phonemes in a text: `[tomato](/təmˈɑːtoʊ/)` is spoken as written between the slashes."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass

from tts_hub.errors import InvalidTextError
from tts_hub.text.phonemes.transcription import Transcription

SPELLINGS: Mapping[str, str] = {"g": "ɡ", "'": "ˈ", "ˑ": "ː", ":": "ː", "\u0361": "", "\u035c": "", "^": ""}
"""Symbol that users type -> the symbol for the same sound in the International Phonetic Alphabet."""
_OPENING = re.compile(r"[\s(\"“‘'\[]$")
_INLINE = re.compile(r"\[(?P<word>[^\[\]\n]{1,100})\]\(/(?P<phonemes>[^/()\n]{1,200})/\)")


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a text: plain text, or a word with inline phonemes."""

    text: str
    """The plain text, or the word."""
    start: int
    """Index of its first character in the whole text."""
    phonemes: str | None = None
    """The inline phonemes; None for plain text."""


def parts_of(text: str) -> Iterator[Part]:
    """The parts of a text in order."""
    at = 0
    for found in _INLINE.finditer(text):
        if found.start() > at:
            yield Part(text[at : found.start()], at)
        yield Part(found["word"], found.start("word"), found["phonemes"].strip())
        at = found.end()
    if at < len(text):
        yield Part(text[at:], at)


def spelled(phonemes: str) -> str:
    """Inline phonemes in the symbols of the International Phonetic Alphabet, with single spaces."""
    return " ".join("".join(SPELLINGS.get(symbol, symbol) for symbol in phonemes).split())


def inline_transcription(part: Part, phonemes: str, known: Container[str], engine: str) -> Transcription:
    """The transcription of a part with inline phonemes, which are `phonemes` in the engine's symbols.

    Raises:
        InvalidTextError: symbols that are not `known` to the engine; the error calls it `engine`.
    """
    unknown = sorted({symbol for symbol in phonemes if symbol not in known})
    if unknown:
        raise InvalidTextError(
            f"{engine} does not know the phonemes {' '.join(unknown)} of /{part.phonemes}/; it takes those "
            "of the International Phonetic Alphabet that its languages have"
        )
    labels = tuple(0 if symbol != " " else None for symbol in phonemes)
    return Transcription(phonemes, labels, ((0, len(part.text)),))


def are_apart(before: str, text: str) -> bool:
    """Whether two parts of a text are read as two words."""
    if before[-1:].isspace() or text[:1].isspace():
        return True
    return text[:1].isalnum() and not _OPENING.search(before)
