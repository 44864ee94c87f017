"""A text in the symbols of a voice, sentence by sentence, each symbol with the word that it belongs to."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tts_hub.text.phonemes.labels import labels_of
from tts_hub.text.phonemes.symbols import sounds
from tts_hub.text.sentences import SentenceFinder, candidates
from tts_hub.text.words import Token, tokens
from tts_hub_piper.espeak import Clause, Espeak
from tts_hub_piper.voice_config import VoiceConfig

MOST_SYMBOLS = 400
"""Symbols of one piece; a longer sentence is cut between two words."""
LONGEST_WORD = 100
"""Characters of a word that are read alone to find its symbols in the sentence."""
MARKS = {
    **{mark: mark for mark in ".,;:?!"},
    **dict.fromkeys("…–—―‥؛", ";"),
    "۔": ".",
    "،": ",",
    "؟": "?",
    **dict.fromkeys("。．।॥！？，、；：", ""),
}
"""Mark in a text -> the mark that voices have learnt for it; none for those that Piper's own reader drops."""
SENTENCE_MARKS = frozenset(".?!۔؟。．।॥！？")
_MARK = "".join(map(re.escape, MARKS))
_LAST_MARK = re.compile(rf"([{_MARK}])[{_MARK}]*[^\w{_MARK}]*$")
"""The first one of the marks at the end of a clause, with quotes and brackets behind them."""
_SUSPENSION = re.compile(r"\.{2,}\W*$")
_PARAGRAPH = re.compile(r"\n\s*\n\s*$")
_MARK_REACH = 16
"""Characters before the end of a text in which the mark that ends it is searched."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """One sentence, or a part of one, as the graph gets it."""

    symbols: tuple[str, ...]
    labels: tuple[int | None, ...]
    """The number of the word of each symbol; None for spaces and marks."""

    def cut(self, most: int) -> Iterator[Utterance]:
        """The utterance in parts of at most `most` symbols, cut between words where possible."""
        start = 0
        while len(self.symbols) - start > most:
            spaces = [n for n in range(start + 1, start + most) if self.symbols[n] == " "]
            end = spaces[-1] if spaces else start + most
            yield Utterance(self.symbols[start:end], self.labels[start:end])
            start = end + (1 if spaces else 0)
        yield Utterance(self.symbols[start:], self.labels[start:])


@dataclass(frozen=True, slots=True)
class Reading:
    """A text as a voice reads it."""

    utterances: tuple[Utterance, ...]
    words: tuple[tuple[int, int], ...]
    """Characters `[start, end)` of the text of each word."""
    unknown: tuple[str, ...]
    """Symbols that the voice has not learnt, and leaves out."""


class Reader:
    """Reads texts as one voice does. Blocking; any thread may use it."""

    def __init__(self, config: VoiceConfig, language: str, espeak: Espeak) -> None:
        """`language` is the BCP 47 tag of the voice."""
        self._config = config
        self._espeak = espeak
        self._finder = SentenceFinder(language)
        clusters = ["".join(unicodedata.normalize("NFD", part) for part in c) for c in config.vowel_clusters]
        self._clusters = frozenset(clusters)
        self._longest = max(map(len, clusters), default=1)

    def read(self, text: str) -> Reading:
        """The text in symbols.

        Raises:
            UnsupportedLanguageError: espeak-ng has no voice of the name in the voice's description.
        """
        words = list(tokens(text))
        spelled = self._config.phoneme_type == "text"
        sentences = [_spelled(text, words)] if spelled else self._sentences(text, words)
        utterances, unknown = list[Utterance](), dict[str, None]()
        for sentence in sentences:
            known = self._known(sentence)
            unknown |= dict.fromkeys(s for s in sentence.symbols if s not in self._config.phoneme_id_map)
            if any(label is not None for label in known.labels):  # only marks: the voice would invent speech
                utterances += known.cut(MOST_SYMBOLS)
        spans = tuple((word.start, word.end) for word in words)
        return Reading(tuple(utterances), spans, tuple(unknown))

    def _sentences(self, text: str, words: Sequence[Token]) -> Iterator[Utterance]:
        """The clauses joined to sentences, with the marks that espeak-ng takes off."""
        symbols, labels = list[str](), list[int | None]()
        at, last = 0, None
        for clause in self._espeak.clauses(text, self._config.espeak.voice):
            inside = list[int]()
            while at < len(words) and words[at].start < clause.end:
                inside.append(at)
                at += 1
            last = inside[-1] if inside else last
            if clause.phonemes:
                if symbols and symbols[-1] != " ":
                    symbols.append(" ")
                    labels.append(None)
                read = self._merged(clause.phonemes)
                symbols += read
                labels += self._labelled(read, text, [(n, words[n]) for n in inside], last)
            mark, ends = self._mark_behind(text, clause)
            if mark and symbols:
                symbols.append(mark)
                labels.append(None)
            if ends and symbols:
                yield Utterance(tuple(symbols), tuple(labels))
                symbols, labels = [], []
        if symbols:
            yield Utterance(tuple(symbols), tuple(labels))

    def _labelled(
        self, read: Sequence[str], text: str, words: Sequence[tuple[int, Token]], before: int | None
    ) -> list[int | None]:
        """The word of each symbol of a clause; a clause without a word is a part of the word `before`."""
        if len(words) < 2:
            only = words[0][0] if words else before
            return [None if symbol == " " else only for symbol in read]
        voice = self._config.espeak.voice
        alone = [(n, self._espeak.word(text[w.start : w.end][:LONGEST_WORD], voice)) for n, w in words]
        audible = [(n, said) for n, said in alone if any(map(sounds, said))]
        flat = "".join(symbol[0] for symbol in read)  # a cluster counts as its first symbol
        numbers = labels_of(flat, [said for _, said in audible])
        return [None if number is None else audible[number][0] for number in numbers]

    def _mark_behind(self, text: str, clause: Clause) -> tuple[str, bool]:
        """The mark behind a clause, and whether a sentence ends there. `Dr.` ends none, and has no mark."""
        written = text[clause.start : clause.end]
        found = _LAST_MARK.search(written)
        mark = MARKS[found[1]] if found else ""
        if _PARAGRAPH.search(written):
            return mark, True
        if _SUSPENSION.search(written):
            return ";", False
        if found is None or found[1] not in SENTENCE_MARKS:
            return mark, False
        if clause.end >= len(text.rstrip()) or self._ends_sentence(text, clause.start + found.start()):
            return mark, True
        return "" if mark == "." else mark, False

    def _ends_sentence(self, text: str, place: int) -> bool:
        marks = candidates(text, max(0, place - _MARK_REACH))
        near = next((mark for mark in marks if mark.start() <= place < mark.end()), None)
        return near is not None and self._finder.end_at(text, near) is not None

    def _merged(self, phonemes: str) -> list[str]:
        """The symbols of a clause, with the voice's clusters of vowels as one symbol each."""
        symbols, at = list[str](), 0
        while at < len(phonemes):
            sizes = range(self._longest, 1, -1)
            size = next((n for n in sizes if phonemes[at : at + n] in self._clusters), 1)
            symbols.append(phonemes[at : at + size])
            at += size
        return symbols

    def _known(self, utterance: Utterance) -> Utterance:
        """The utterance without the symbols that the voice has not learnt."""
        pairs = [
            (symbol, label)
            for symbol, label in zip(utterance.symbols, utterance.labels, strict=True)
            if symbol in self._config.phoneme_id_map
        ]
        return Utterance(tuple(symbol for symbol, _ in pairs), tuple(label for _, label in pairs))


def _spelled(text: str, words: Sequence[Token]) -> Utterance:
    """The letters of a text, accents apart, as the symbols of a voice that reads letters."""
    owner = {at: n for n, word in enumerate(words) if word.wordlike for at in range(word.start, word.end)}
    symbols, labels = list[str](), list[int | None]()
    for place, character in enumerate(text):
        for symbol in " " if character.isspace() else unicodedata.normalize("NFD", character):
            symbols.append(symbol)
            labels.append(owner.get(place))
    return Utterance(tuple(symbols), tuple(labels))
