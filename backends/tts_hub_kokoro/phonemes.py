"""From text to the phonemes that the model has learnt, each with the word of the text that it belongs to."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from tts_hub.errors import InvalidTextError, UnsupportedLanguageError
from tts_hub.text.tokens import tokens
from tts_hub_kokoro.labels import labels_of, sounds
from tts_hub_kokoro.languages import Language
from tts_hub_kokoro.markup import Part, parts_of

if TYPE_CHECKING:
    from kokoro_onnx.tokenizer import Tokenizer

ReadAloud = Callable[[str], str]
"""Text to phonemes, all of them known to the model."""
REMEMBERED = 8192
"""Words whose phonemes are kept at hand."""
SPELLINGS: Mapping[str, str] = {"g": "ɡ", "'": "ˈ", "ˑ": "ː", ":": "ː", "\u0361": "", "\u035c": "", "^": ""}
"""Other ways of writing what the model knows, for phonemes that people type."""
_OPENING = re.compile(r"[\s(\"“‘'\[]$")


@dataclass(frozen=True, slots=True)
class Spoken:
    """A text as the model gets it."""

    phonemes: str
    """One symbol a token; words are parted by a space."""
    labels: tuple[int | None, ...]
    """For each symbol the number of its word; None for spaces and punctuation."""
    words: tuple[tuple[int, int], ...]
    """The words of the text, as characters `[start, end)`."""

    def __getitem__(self, part: slice) -> Spoken:
        """Some of the symbols, with the same words."""
        return Spoken(self.phonemes[part], self.labels[part], self.words)


class Phonemizer:
    """Reads texts of every language of the model. Blocking; any thread may use it."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.vocabulary: Mapping[str, int] = tokenizer.vocab
        """Symbol -> number of its token."""
        self._readers: dict[str, ReadAloud] = {}
        self._lock = threading.Lock()
        self._word_aloud = lru_cache(REMEMBERED)(self._aloud)

    def speak(self, text: str, language: Language) -> Spoken:
        """The phonemes of a text, inline ones included.

        Raises:
            InvalidTextError: inline phonemes that the model does not know.
            UnsupportedLanguageError: the language needs a package that is not installed.
        """
        phonemes, labels, words = "", list[int | None](), list[tuple[int, int]]()
        before = ""
        for part in parts_of(text):
            read, own = self._read(part, language)
            if read and phonemes and _apart(before, part.text):
                phonemes, labels = phonemes + " ", [*labels, None]
            labels += [None if label is None else label + len(words) for label in own.labels]
            phonemes += read
            words += [(part.start + start, part.start + end) for start, end in own.words]
            before = part.text
        return Spoken(phonemes, tuple(labels), tuple(words))

    def tokens(self, phonemes: str) -> list[int]:
        """Numbers of the symbols, one for each."""
        return [self.vocabulary[symbol] for symbol in phonemes]

    def _read(self, part: Part, language: Language) -> tuple[str, Spoken]:
        if part.phonemes is not None:
            read = self._given(part.phonemes)
            whole = Spoken(read, tuple(0 if s != " " else None for s in read), ((0, len(part.text)),))
            return read, whole
        read = self._aloud(part.text, language)
        alone = [(t, self._word_aloud(part.text[t.start : t.end], language)) for t in tokens(part.text)]
        words = [(token, said) for token, said in alone if token.wordlike or any(map(sounds, said))]
        labels = labels_of(read, [said for _, said in words])
        return read, Spoken(read, labels, tuple((token.start, token.end) for token, _ in words))

    def _aloud(self, text: str, language: Language) -> str:
        """Phonemes of plain text. Line breaks count as spaces: the model knows only those."""
        line = " ".join(text.split())
        if not line:
            return ""
        with self._lock:  # espeak-ng, and perhaps the others, speak for one thread at a time
            read = self._reader(language)(line)
        return " ".join("".join(symbol for symbol in read if symbol in self.vocabulary).split())

    def _reader(self, language: Language) -> ReadAloud:
        if language.tag not in self._readers:
            made = _espeak(language.espeak) if language.espeak else _misaki(language)
            self._readers[language.tag] = made
        return self._readers[language.tag]

    def _given(self, phonemes: str) -> str:
        """Phonemes that somebody wrote into the text."""
        read = "".join(SPELLINGS.get(symbol, symbol) for symbol in phonemes)
        unknown = sorted({symbol for symbol in read if symbol not in self.vocabulary})
        if unknown:
            raise InvalidTextError(
                f"Kokoro does not know the phonemes {' '.join(unknown)} of /{phonemes}/; it takes those of "
                "the International Phonetic Alphabet that its languages have"
            )
        return " ".join(read.split())


def pieces_of(spoken: Spoken, most: int) -> Iterator[Spoken]:
    """The text in pieces of at most `most` symbols, cut behind punctuation where that goes."""
    from kokoro_onnx.chunker import split_phonemes

    pieces: Sequence[str] = split_phonemes(spoken.phonemes, most)
    at = 0
    for piece in pieces:
        start = spoken.phonemes.index(piece, at)
        at = start + len(piece)
        yield spoken[start:at]


def _apart(before: str, text: str) -> bool:
    """Whether two parts of a text are read as two words."""
    if before[-1:].isspace() or text[:1].isspace():
        return True
    return text[:1].isalnum() and not _OPENING.search(before)


def _espeak(language: str) -> ReadAloud:
    """espeak-ng through phonemizer, as kokoro-onnx has it, but without the names of other languages that it
    would write among the phonemes of a foreign word."""
    from phonemizer.backend import EspeakBackend

    logger = logging.getLogger(f"{__name__}.espeak")
    logger.setLevel(logging.ERROR)  # it warns of every word that is joined to another one
    backend = EspeakBackend(
        language,
        preserve_punctuation=True,
        with_stress=True,
        language_switch="remove-flags",
        words_mismatch="ignore",
        logger=logger,
    )
    return lambda text: "".join(backend.phonemize([text]))


def _misaki(language: Language) -> ReadAloud:
    """The reader that the model was trained with, where espeak-ng has other phonemes."""
    try:
        reader = _reader(language.tag)
    except ImportError as exc:
        raise UnsupportedLanguageError(
            f"to speak {language.tag!r} Kokoro needs a package that is not installed ({exc.name}): "
            f"pip install 'tts-hub[{language.package}]'"
        ) from exc
    return lambda text: str(reader(text)[0])


def _reader(tag: str) -> Any:
    if tag == "zh":
        from misaki.zh import ZHG2P

        return ZHG2P()
    from misaki.ja import JAG2P

    return JAG2P()
