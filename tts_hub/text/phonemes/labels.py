"""Labels of phonemes: the word of the text that each phoneme belongs to.

The phonemes of a sentence differ from the phonemes of its single words: short words are joined (`of the` ->
`ʌvðə`), a number becomes several words, stress and vowels shift. So the words are also read alone, and both
are matched symbol by symbol; a symbol without a match gets the label of its neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

from tts_hub.text.phonemes.symbols import LENGTH, PUNCTUATION, STRESS, sounds

VOWELS = frozenset("aeiouyæɑɐɒɔəɚɛɜɨɪɯøœʊʌɤᵻᵊAIOQWY")
ANCHOR = 4
"""Symbols in a row that must match, so that the match is not by chance."""
GAP, SIMILAR, DIFFERENT = 1.0, 0.75, 2.5
"""Costs of a missing symbol, of another symbol of the same kind, and of a symbol of another kind."""


def labels_of(phonemes: str, words: Sequence[str]) -> tuple[int | None, ...]:
    """The number of the word of each symbol in `phonemes`; None for spaces and punctuation between words.

    `words` are the phonemes of each word, read alone.
    """
    expected = [(symbol, n) for n, word in enumerate(words) for symbol in word if sounds(symbol)]
    places = [at for at, symbol in enumerate(phonemes) if sounds(symbol)]
    labels: list[int | None] = [None] * len(phonemes)
    if not expected:
        return tuple(labels)
    for at, label in zip(places, _matched([phonemes[at] for at in places], expected), strict=True):
        labels[at] = label
    _fill_in(phonemes, labels)
    return tuple(labels)


def _matched(read: Sequence[str], expected: Sequence[tuple[str, int]]) -> list[int]:
    """The word of each sounding symbol: long matches first, then the symbols between them."""
    symbols, owners = [symbol for symbol, _ in expected], [owner for _, owner in expected]
    found: list[int] = []
    done = 0  # symbols of `expected` that have been matched
    for block in SequenceMatcher(None, symbols, read, autojunk=False).get_matching_blocks():
        if 0 < block.size < ANCHOR:
            continue  # perhaps by chance
        between = _aligned(read[len(found) : block.b], symbols[done : block.a])
        found += [owners[min(max(done + at, 0), len(owners) - 1)] for at in between]
        found += owners[block.a : block.a + block.size]
        done = block.a + block.size
    return found


def _aligned(read: Sequence[str], expected: Sequence[str]) -> list[int]:
    """The place in `expected` of each symbol of `read`, by the least edits (Needleman and Wunsch, 1970)."""
    if not expected:
        return [-1] * len(read)  # the place of the symbol before
    costs = [[GAP * j for j in range(len(expected) + 1)]]
    for i, symbol in enumerate(read, 1):
        row = [GAP * i]
        for j, other in enumerate(expected, 1):
            changed = costs[i - 1][j - 1] + _difference(symbol, other)
            row.append(min(changed, costs[i - 1][j] + GAP, row[j - 1] + GAP))
        costs.append(row)
    places, j = list[int](), len(expected)
    for i in range(len(read), 0, -1):
        while j and costs[i][j] == costs[i][j - 1] + GAP:
            j -= 1
        places.append(max(j - 1, 0))
        if j and costs[i][j] == costs[i - 1][j - 1] + _difference(read[i - 1], expected[j - 1]):
            j -= 1
    return places[::-1]


def _difference(one: str, other: str) -> float:
    if one == other:
        return 0.0
    return SIMILAR if (one in VOWELS) == (other in VOWELS) else DIFFERENT


def _fill_in(phonemes: str, labels: list[int | None]) -> None:
    """Give marks the label of their sounds, and punctuation inside a word the label of the word."""
    following: int | None = None
    for at in reversed(range(len(phonemes))):
        if phonemes[at] in STRESS:
            labels[at] = following
        elif phonemes[at] == " ":
            following = None
        elif labels[at] is not None:
            following = labels[at]
    for at in range(1, len(phonemes)):
        if phonemes[at] in LENGTH:
            labels[at] = labels[at - 1]
    for at in range(1, len(phonemes) - 1):
        if phonemes[at] in PUNCTUATION and labels[at - 1] is not None and labels[at - 1] == labels[at + 1]:
            labels[at] = labels[at - 1]
