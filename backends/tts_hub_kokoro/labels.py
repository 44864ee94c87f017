"""Which word of the text each phoneme belongs to.

Phonemes of a sentence are not those of its words one by one: short words are joined (`of the` -> `ʌvðə`), a
number becomes several words, stress and vowels shift. So the words are also read alone, and the two are
matched symbol by symbol; what matches nothing goes with its neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

STRESS = frozenset("ˈˌ")
PUNCTUATION = frozenset(';:,.!?—…"()“”')


def labels_of(phonemes: str, words: Sequence[str]) -> tuple[int | None, ...]:
    """For each symbol of `phonemes` the number of its word; None for spaces and punctuation between words.

    `words` are the phonemes of each word, read alone.
    """
    expected = [(symbol, n) for n, word in enumerate(words) for symbol in word if _sounds(symbol)]
    places = [at for at, symbol in enumerate(phonemes) if _sounds(symbol)]
    labels: list[int | None] = [None] * len(phonemes)
    if not expected:
        return tuple(labels)
    for at, label in zip(places, _matched([phonemes[at] for at in places], expected), strict=True):
        labels[at] = label
    _fill_in(phonemes, labels)
    return tuple(labels)


def _matched(read: Sequence[str], expected: Sequence[tuple[str, int]]) -> list[int]:
    """A word for each sounding symbol, in order."""
    owners = [owner for _, owner in expected]
    found: list[int] = []
    matcher = SequenceMatcher(None, [symbol for symbol, _ in expected], read, autojunk=False)
    for _, low, high, begin, end in matcher.get_opcodes():
        if high - low == end - begin:
            found += owners[low:high]
        elif high > low:  # spread over the words that are expected here
            found += [owners[low + (high - low) * n // (end - begin)] for n in range(end - begin)]
        else:
            beside = owners[low - 1] if low else owners[0]
            found += [beside] * (end - begin)
    return found


def _fill_in(phonemes: str, labels: list[int | None]) -> None:
    """A stress mark goes with the sound behind it, and punctuation inside a word with the word."""
    following: int | None = None
    for at in reversed(range(len(phonemes))):
        if phonemes[at] in STRESS:
            labels[at] = following
        elif phonemes[at] == " ":
            following = None
        elif labels[at] is not None:
            following = labels[at]
    for at in range(1, len(phonemes) - 1):
        if phonemes[at] in PUNCTUATION and labels[at - 1] is not None and labels[at - 1] == labels[at + 1]:
            labels[at] = labels[at - 1]


def _sounds(symbol: str) -> bool:
    return symbol not in STRESS and symbol not in PUNCTUATION and symbol != " "
