"""A text as the model gets it: symbols, and the words of the text that they belong to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

Span = tuple[int, int]
"""Characters `[start, end)` of a text."""


@dataclass(frozen=True, slots=True)
class Transcription:
    """Phonemes with the words of their text."""

    phonemes: str
    """One symbol a token; words are parted by a space."""
    labels: tuple[int | None, ...]
    """For each symbol the number of its word; None for spaces and punctuation."""
    words: tuple[Span, ...]
    """The words of the text, in order."""
    unread: tuple[str, ...] = field(default=(), compare=False)
    """What of the text has letters that its reader does not know, in order."""

    def __getitem__(self, part: slice) -> Transcription:
        """Some of the symbols, with the same words."""
        return Transcription(self.phonemes[part], self.labels[part], self.words, self.unread)


class Joiner:
    """Puts the parts of a text together, each read in its own way."""

    def __init__(self) -> None:
        self._phonemes = ""
        self._labels: list[int | None] = []
        self._words: list[Span] = []
        self._unread: list[str] = []

    def add(self, part: Transcription, start: int, *, apart: bool) -> None:
        """Add a part whose text begins at `start`, as words of its own where it stands `apart`."""
        if apart and part.phonemes and self._phonemes and not self._phonemes.endswith(" "):
            self._phonemes += " "
            self._labels.append(None)
        lead = " " if self._phonemes.endswith(" ") and part.phonemes.startswith(" ") else ""
        first = len(self._words)
        self._phonemes += part.phonemes[len(lead) :]
        self._labels += [None if label is None else label + first for label in part.labels[len(lead) :]]
        self._words += [(start + low, start + high) for low, high in part.words]
        self._unread += part.unread

    def joined(self) -> Transcription:
        """All of them."""
        return Transcription(self._phonemes, tuple(self._labels), tuple(self._words), tuple(self._unread))


def covering(spoken: Transcription, text: str, readable: Sequence[Span]) -> Transcription:
    """The same with a word for every letter and digit of the `readable` parts of the text.

    A word without a symbol, and a letter that is in no word, join the word before; at the beginning of the
    text, the word behind.
    """
    sounding = {label for label in spoken.labels if label is not None}
    if not sounding:
        return Transcription(spoken.phonemes, spoken.labels, (), spoken.unread)
    kept = sorted(sounding)
    words = [list(spoken.words[label]) for label in kept]
    at = -1
    for place in _letters(text, readable):
        while at + 1 < len(words) and words[at + 1][0] <= place:
            at += 1
        if at < 0:
            words[0][0] = place
            at = 0
        elif words[at][1] <= place:
            words[at][1] = place + 1
    numbers = {label: n for n, label in enumerate(kept)}
    labels = tuple(None if label is None else numbers[label] for label in spoken.labels)
    return Transcription(spoken.phonemes, labels, tuple((low, high) for low, high in words), spoken.unread)


def _letters(text: str, readable: Sequence[Span]) -> Iterator[int]:
    return (place for low, high in readable for place in range(low, high) if text[place].isalnum())
