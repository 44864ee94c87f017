"""English text to misaki's phonemes, each with the word of the text that it belongs to."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tts_hub.errors import GenerationError, shown
from tts_hub.text.normalise.edits import SpokenText
from tts_hub.text.phonemes.english.alphabet import misaki_symbols
from tts_hub.text.phonemes.english.compact import compact
from tts_hub.text.phonemes.english.homographs import readings
from tts_hub.text.phonemes.english.tracing import traced
from tts_hub.text.phonemes.english.wording import worded
from tts_hub.text.phonemes.inline import are_apart, inline_transcription, parts_of, spelled
from tts_hub.text.phonemes.symbols import sounds
from tts_hub.text.phonemes.transcription import Joiner, Span, Transcription, covering
from tts_hub.text.scripts import LATIN, script_of
from tts_hub.text.words import Token, tokens

_WORD = re.compile(r"\w[\w'’-]*")


@dataclass(frozen=True, slots=True)
class ReadWord:
    """A word as the reader has read it."""

    phonemes: str
    spaced: bool
    """Whether a space follows."""
    origin: Span | None
    """Its characters in the text; None for a word that the reader has added."""


class EnglishReader:
    """Turns texts into phonemes of one variety of English. Blocking; any thread may use it.

    It gets one piece at a time: the package's own rules for sentences cut at `No. 5` and `Oct. 5`.
    """

    def __init__(
        self,
        vocabulary: Mapping[str, int],
        *,
        british: bool,
        engine: str,
        unknown: Callable[[str], str] | None = None,
    ) -> None:
        """Read the dictionaries, which takes 0.3 s.

        Args:
            vocabulary: symbol -> token of the engine's model; symbols that it does not know are left out.
            british: whether it reads British English, or American.
            engine: the engine's name, for errors.
            unknown: the phonemes of a word that is in no dictionary; none: by a net of the package.

        Raises:
            ImportError: the package hibari-tts is not installed.
        """
        from hibari.g2p import G2P  # with the package, scipy is imported where it is installed

        self._g2p = G2P(oov=unknown, british=british)
        compact(self._g2p)
        self._letters = None if unknown else frozenset(self._g2p.oov.cin)
        self._british = british
        self._engine = engine
        self.vocabulary = vocabulary
        """Symbol -> token."""

    def read(self, text: str) -> Transcription:
        """The phonemes of a text, inline ones included.

        Raises:
            GenerationError: the package failed.
            InvalidTextError: inline phonemes that the model does not know.
        """
        joiner, readable, before = Joiner(), list[Span](), ""
        for part in parts_of(text):
            readable.append((part.start, part.start + len(part.text)))
            if part.phonemes is None:
                spoken = self.read_plain(part.text)
            else:
                given = misaki_symbols(spelled(part.phonemes), british=self._british)
                spoken = inline_transcription(part, given, self.vocabulary, self._engine)
            joiner.add(spoken, part.start, apart=are_apart(before, part.text))
            before = part.text
        return covering(joiner.joined(), text, readable)

    def read_plain(self, text: str) -> Transcription:
        """The phonemes of a text without inline ones.

        Raises:
            GenerationError: the package failed.
        """
        words = [token for token in tokens(text) if token.wordlike]
        phonemes, labels, label = "", list[int | None](), None
        try:
            read = list(self._words(text))
        except Exception as exc:
            # The rules of a package: what they raise for an unusual text is not known.
            message = f"{self._engine} cannot read {shown(text)}: {exc!r}"
            raise GenerationError(message, backend=self._engine) from exc
        for word in read:
            symbols = "".join(symbol for symbol in word.phonemes if symbol in self.vocabulary)
            if any(map(sounds, symbols)):
                label = _owner(words, word.origin, label or 0) if words else None
            own = label if any(map(sounds, symbols)) else None
            for symbol in symbols + " " * word.spaced:
                if symbol == " " and phonemes[-1:] in {"", " "}:
                    continue
                phonemes += symbol
                labels.append(None if symbol == " " or not symbols else own)
        unread = _unread(text, words, {label for label in labels if label is not None})
        return Transcription(phonemes, tuple(labels), tuple((w.start, w.end) for w in words), unread)

    def _words(self, text: str) -> Iterator[ReadWord]:
        """The words and marks of a plain text as they are read."""
        from hibari.g2p import normalize

        wording = worded(text, self._letters)
        normal = normalize(wording.text)
        if not normal:
            return
        trace, known = traced(wording.text, normal), dict(readings(text, british=self._british))
        at = 0
        read: Sequence[Any] = self._g2p.phonemize_tokens(self._g2p.tokenize(normal))
        for token in read:
            start = max(at, normal.find(token.text, at))
            at = start + len(token.text)
            origin = _origin(wording, trace, start, at)
            chosen = known.get(origin[0]) if origin is not None and token.text.isalpha() else None
            yield ReadWord(chosen or token.phonemes or "", bool(token.whitespace), origin)


def _origin(wording: SpokenText, trace: SpokenText, start: int, end: int) -> Span | None:
    """The characters of the text behind a part of what the reader made of it."""
    middle = trace.origin(start, end)
    return None if middle is None else wording.origin(*middle)


def _owner(words: Sequence[Token], origin: Span | None, earliest: int) -> int:
    """The number of the word that a read word belongs to: for an added one, of the word before it."""
    if origin is None:
        return earliest
    met = (n for n in range(earliest, len(words)) if words[n].end > origin[0])
    return next(met, len(words) - 1)


def _unread(text: str, words: Sequence[Token], spoken: set[int]) -> tuple[str, ...]:
    """The words with letters that English does not have, and those without a sound."""
    letters = {letter for letter in set(text) if script_of(letter) not in LATIN | {""}}
    foreign = [word for word in _WORD.findall(text) if letters & set(word)] if letters else []
    silent = [text[word.start : word.end] for n, word in enumerate(words) if n not in spoken]
    return (*foreign, *(word for word in silent if not letters & set(word)))
