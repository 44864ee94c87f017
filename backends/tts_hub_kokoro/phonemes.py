"""The phonemes of a text in the model's symbols, each with the word of the text that it belongs to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

from tts_hub.errors import UnsupportedLanguageError, install_command
from tts_hub.text.phonemes.english.alphabet import misaki_symbols
from tts_hub.text.phonemes.english.reader import EnglishReader
from tts_hub.text.phonemes.inline import Part, are_apart, inline_transcription, parts_of, spelled
from tts_hub.text.phonemes.labels import labels_of
from tts_hub.text.phonemes.symbols import sounds
from tts_hub.text.phonemes.transcription import Joiner, Span, Transcription, covering
from tts_hub.text.words import tokens
from tts_hub_kokoro.chinese import chinese_reader
from tts_hub_kokoro.espeak import espeak_reader
from tts_hub_kokoro.japanese import JapaneseReader
from tts_hub_kokoro.languages import Language
from tts_hub_kokoro.numbers_zh import is_unit
from tts_hub_kokoro.scripts import CHINESE, JAPANESE, Stretch, stretches, unknown_letters
from tts_hub_kokoro.variants import MODEL

if TYPE_CHECKING:
    from kokoro_onnx.tokenizer import Tokenizer

Reader = TypeVar("Reader")
LineReader = Callable[[str], str]
"""Function that returns the phonemes of a line, including symbols that the model does not know."""
CACHED_WORDS = 8192
"""Words whose phonemes are cached."""
ENGLISH, BRITISH = "en", "en-GB"
REPEATED = "々"
"""The sign that repeats the character before it; alone it has no sound."""


class Phonemizer:
    """Turns texts in all languages of the model into phonemes. Blocking; any thread may use it."""

    def __init__(self, tokenizer: Tokenizer, *, misaki: bool = False) -> None:
        """`misaki`: whether English becomes misaki's phonemes; else espeak-ng reads it."""
        self.vocabulary: Mapping[str, int] = tokenizer.vocab
        """Symbol -> token."""
        self._misaki = misaki
        self._english: dict[str, EnglishReader] = {}
        self._readers: dict[str, LineReader] = {}
        self._japanese: JapaneseReader | None = None
        self._lock = threading.RLock()
        self._word_phonemes = lru_cache(CACHED_WORDS)(self._plain_phonemes)

    def phonemize(self, text: str, language: Language) -> Transcription:
        """The phonemes of a text, inline ones included.

        Raises:
            InvalidTextError: inline phonemes that the model does not know.
            UnsupportedLanguageError: the language needs a package that is not installed.
        """
        joiner, readable, before = Joiner(), list[Span](), ""
        for part in parts_of(text):
            readable.append((part.start, part.start + len(part.text)))
            for stretch in self._stretches(part, language):
                read = self._read(stretch) if part.phonemes is None else self._inline(part, language)
                joiner.add(read, stretch.start, apart=are_apart(before, stretch.text))
                before = stretch.text
        return covering(joiner.joined(), text, readable)

    def tokens(self, phonemes: str) -> list[int]:
        """The token of each symbol."""
        return [self.vocabulary[symbol] for symbol in phonemes]

    def _inline(self, part: Part, language: Language) -> Transcription:
        phonemes = spelled(part.phonemes or "")
        if self._misaki and language.primary == ENGLISH:
            phonemes = misaki_symbols(phonemes, british=language.tag == BRITISH)
        return inline_transcription(part, phonemes, self.vocabulary, "Kokoro")

    def _stretches(self, part: Part, language: Language) -> Iterator[Stretch]:
        if part.phonemes is not None:
            yield Stretch(part.text, part.start, language)
            return

        def reads(text: str, start: int, end: int) -> bool:
            if language is CHINESE:
                return is_unit(text, start, end)
            with self._lock:
                return self._japanese_reader().knows(text[start:end])

        for stretch in stretches(part.text, language, reads):
            yield Stretch(stretch.text, part.start + stretch.start, stretch.language)

    def _read(self, stretch: Stretch) -> Transcription:
        unknown = tuple(unknown_letters(stretch))
        if stretch.language is JAPANESE:
            with self._lock:
                spoken = self._japanese_reader().phonemize(stretch.text)
            return Transcription(spoken.phonemes, spoken.labels, spoken.words, spoken.unread or unknown)
        text, language = stretch.text, stretch.language
        if self._misaki and language.primary == ENGLISH:
            spoken = self._english_reader(language).read_plain(text)
            return Transcription(spoken.phonemes, spoken.labels, spoken.words, unknown or spoken.unread)
        read = self._plain_phonemes(text, language)
        alone = [
            (token, self._word_phonemes(text[token.start : token.end], language)) for token in tokens(text)
        ]
        words = [(token, said) for token, said in alone if _has_sound(said)]
        mute = [
            text[token.start : token.end] for token, said in alone if token.wordlike and not _has_sound(said)
        ]
        silent = tuple(word for word in mute if word != REPEATED)
        labels = labels_of(read, [said for _, said in words])
        return Transcription(
            read, labels, tuple((token.start, token.end) for token, _ in words), unknown or silent
        )

    def _plain_phonemes(self, text: str, language: Language) -> str:
        """The phonemes of plain text. Line breaks count as spaces: the model knows no line breaks."""
        line = " ".join(text.split())
        if not line:
            return ""
        with self._lock:  # espeak-ng, and perhaps the other readers, serve one thread at a time
            read = self._reader(language)(line)
        return " ".join("".join(symbol for symbol in read if symbol in self.vocabulary).split())

    def _reader(self, language: Language) -> LineReader:
        if language.tag not in self._readers:
            espeak = language.espeak
            made = espeak_reader(espeak, language.tag) if espeak else _installed(language, chinese_reader)
            self._readers[language.tag] = made
        return self._readers[language.tag]

    def _english_reader(self, language: Language) -> EnglishReader:
        """The reader of a variety of English. espeak-ng reads words that are in no dictionary."""
        british = language.tag == BRITISH

        def unknown(word: str) -> str:
            read = self._word_phonemes(word, language).replace(
                "ɐ", "ə"
            )  # misaki's is that of the article `a`
            return misaki_symbols(read, british=british)

        with self._lock:
            if language.tag not in self._english:
                self._english[language.tag] = EnglishReader(
                    self.vocabulary, british=british, engine=MODEL, unknown=unknown
                )
            return self._english[language.tag]

    def _japanese_reader(self) -> JapaneseReader:
        if self._japanese is None:
            self._japanese = _installed(JAPANESE, JapaneseReader)
        return self._japanese


def pieces_of(spoken: Transcription, most: int) -> Iterator[Transcription]:
    """The text in pieces of at most `most` symbols, cut behind punctuation where possible."""
    from kokoro_onnx.chunker import split_phonemes  # imports onnxruntime, which is slow

    pieces: Sequence[str] = split_phonemes(spoken.phonemes, most)
    at = 0
    for piece in pieces:
        start = spoken.phonemes.index(piece, at)
        at = start + len(piece)
        yield spoken[start:at]


def _has_sound(phonemes: str) -> bool:
    return any(map(sounds, phonemes))


def _installed(language: Language, make: Callable[[], Reader]) -> Reader:
    """A reader that needs a package of its own; raises UnsupportedLanguageError if that is missing."""
    try:
        return make()
    except ImportError as exc:
        raise UnsupportedLanguageError(
            f"to speak {language.tag!r} Kokoro needs a package that is not installed ({exc.name}): "
            f"{install_command(language.package)}"
        ) from exc
