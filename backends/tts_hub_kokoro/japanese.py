"""Phonemes of Japanese: words and readings by Open JTalk, in the symbols that the model has learnt.

The model was trained with misaki's default reader, which misreads numbers before counters (`4月3日`) and does
not report the characters of a reading. Open JTalk does both right; the symbols and spaces are misaki's.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tts_hub.text.phonemes.transcription import Span, Transcription
from tts_hub_kokoro.kana import KANA, phonemes_of
from tts_hub_kokoro.numbers_ja import NUMBER, NUMERALS, rewritten

MARKS: Mapping[str, str] = {
    **{mark: f"{mark} " for mark in ",.!?:;"},
    **dict.fromkeys("、，､", ", "),
    **dict.fromkeys("。．｡", ". "),
    "！": "! ",
    "？": "? ",
    "：": ": ",
    "；": "; ",
    "…": "… ",
    "‥": "… ",
    **dict.fromkeys("「『“«《〈｢【", " “"),
    **dict.fromkeys("」』”»》〉｣】", "” "),
    "（": " (",
    "(": " (",
    "）": ") ",
    ")": ") ",
    '"': '"',
    "＂": '"',
    **dict.fromkeys("—―–〜～~", "—"),
    **dict.fromkeys("・･ \u3000", " "),
}
"""Punctuation -> the form that the model knows."""
CLOSING = frozenset(",.!?:;…”)")
MOST_SKIPPED = 12
"""Characters that may be skipped to find a word."""
SPELLED = "フィラー"
"""Open JTalk's class of unknown words; it reads Latin ones letter by letter."""
_INFLECTED = frozenset({"動詞", "形容詞", "助動詞"})
_PART = re.compile(r"(?s)[^。！？!?]{0,800}[。！？!?]+|.{1,800}")
"""Part of a text for one call of Open JTalk, which refuses texts of some thousand characters."""
_SAME = str.maketrans({"−": "-", "〜": "~", "’": "'"})


@dataclass(frozen=True, slots=True)
class Word:
    """A word as Open JTalk reads it."""

    surface: str
    """The characters in normal width, with numbers in Chinese numerals."""
    reading: str
    """The reading in katakana; empty for a mark."""
    kind: str
    """The part of speech."""
    subkind: str
    """The first subclass of the part of speech."""
    chained: bool
    """Whether it belongs to the accent phrase of the word before."""


Place = tuple[Word, int, int]
"""A word, and its characters `[start, end)` in the line."""


class JapaneseReader:
    """Turns Japanese into phonemes. Blocking; for one thread at a time."""

    def __init__(self) -> None:
        """Load the dictionary; raises ImportError if pyopenjtalk is not installed."""
        import pyopenjtalk  # an extra

        self._frontend = pyopenjtalk.run_frontend

    def knows(self, word: str) -> bool:
        """Whether it has a Japanese reading of a word in Latin letters, such as `iPhone` or `km`."""
        return " " not in word and all(found.kind != SPELLED for found in self._words(word))

    def phonemize(self, text: str) -> Transcription:
        """The phonemes of a text, the words that they belong to, and the words that cannot be read."""
        line, origins = rewritten(text)
        symbols, words, unread = list[tuple[str, int | None]](), list[Span](), list[str]()
        places = list(_places(self._words(line), line))
        for at, (word, start, end) in enumerate(places):
            if not word.reading:
                _add_marks(symbols, line[start:end])
                unread += [line[start:end]] if any(map(str.isalnum, line[start:end])) else []
                continue
            behind = places[at + 1][0] if at + 1 < len(places) else None
            joined = at > 0 and _continues(places[at - 1][0], word)
            if symbols and not joined and symbols[-1][0] not in " “(":
                symbols.append((" ", None))
            span = (origins[start][0], origins[end - 1][1])
            if words and span[0] < words[-1][1]:
                words[-1] = (words[-1][0], max(words[-1][1], span[1]))
            else:
                words.append(span)
            next_read = behind.reading if behind is not None and _continues(word, behind) else ""
            symbols += [(symbol, len(words) - 1) for symbol in phonemes_of(word.reading, next_read)]
        while symbols and symbols[-1][0] == " ":
            symbols.pop()
        phonemes = "".join(symbol for symbol, _ in symbols)
        return Transcription(phonemes, tuple(label for _, label in symbols), tuple(words), tuple(unread))

    def _words(self, line: str) -> list[Word]:
        words = [_word(found) for part in _PART.findall(line) for found in self._frontend(part)]
        return [known for word in words for known in self._known(word)]

    def _known(self, word: Word) -> list[Word]:
        """The word; a Latin one that was spelled is read alone, where it may be known."""
        if word.kind != SPELLED or not word.surface.isascii():
            return [word]
        alone = [_word(found) for found in self._frontend(word.surface)]
        return [word] if any(found.kind == SPELLED for found in alone) else alone


def _word(found: Mapping[str, Any]) -> Word:
    reading = "".join(sign for sign in str(found["pron"]) if sign in KANA or sign == "ン")
    surface = _plain(str(found["string"]))
    return Word(surface, reading, found["pos"], found["pos_group1"], found["chain_flag"] == 1)


def _continues(before: Word, word: Word) -> bool:
    """Whether misaki joins two words: endings, digits of a number, `っ` and the stop behind it."""
    if not before.reading or not word.reading:
        return False
    if word.reading[0] in "ーッ" or before.reading.endswith("ッ"):
        return True
    if word.subkind == before.subkind == "数":
        return word.chained
    inflected = before.kind in _INFLECTED
    return inflected and (word.kind == "助動詞" or (word.subkind == "接続助詞" and len(word.surface) == 1))


def _add_marks(symbols: list[tuple[str, int | None]], text: str) -> None:
    for mark in (MARKS.get(character, "") for character in text):
        if mark[:1] in CLOSING or mark == " ":
            while mark and symbols and symbols[-1][0] == " ":
                symbols.pop()
        spaced = not symbols or symbols[-1][0] in " “("
        symbols += [(symbol, None) for symbol in (mark.lstrip() if spaced else mark)]


def _places(words: Sequence[Word], line: str) -> Iterator[Place]:
    """The place of each word. All words of a number have the place of the whole number."""
    plain, at = _plain(line), 0
    number: Span | None = None
    for word in words:
        at = _behind_spaces(plain, at)
        found = NUMBER.match(plain, at) if number is None and word.reading else None
        if found and not (plain.startswith(word.surface, at) and at + len(word.surface) >= found.end()):
            number = found.span()
        if number is not None:
            low, at = number
            tail = word.surface.lstrip(NUMERALS)
            if tail != word.surface and plain.startswith(tail, at):
                number = None if tail else number
                at += len(tail)
                yield word, low, at
                continue
            if word.surface in ",.":
                yield word, low, at
                continue
            number = None
            at = _behind_spaces(plain, at)
        start = plain.find(word.surface, at, at + MOST_SKIPPED + len(word.surface))
        if start >= 0:
            at = start + len(word.surface)
            yield word, start, at
        else:  # its characters differ from the text
            yield word, max(0, at - 1) if word.reading else at, max(at, 1) if word.reading else at


def _behind_spaces(line: str, at: int) -> int:
    while at < len(line) and line[at].isspace():
        at += 1
    return at


def _plain(text: str) -> str:
    """The text in normal width, with the same number of characters."""
    folded = (unicodedata.normalize("NFKC", character) for character in text)
    return "".join(new if len(new) == 1 else old for new, old in zip(folded, text, strict=True)).translate(
        _SAME
    )
