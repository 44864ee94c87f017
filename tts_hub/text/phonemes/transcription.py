"""The transcription of a text: phonemes, and the words of the text that they belong to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

Span = tuple[int, int]
"""Characters `[start, end)` of a text."""


@dataclass(frozen=True, slots=True)
class Transcription:
    """Phonemes with the words of their text."""

    phonemes: str
    """One symbol for each token, with a space between words."""
    labels: tuple[int | None, ...]
    """The number of the word of each symbol; None for spaces and punctuation."""
    words: tuple[Span, ...]
    """The words of the text, in order."""
    unread: tuple[str, ...] = field(default=(), compare=False)
    """The words with letters that their reader does not know, in order."""

    def __getitem__(self, part: slice) -> Transcription:
        """A part of the symbols, with all words."""
        return Transcription(self.phonemes[part], self.labels[part], self.words, self.unread)


class Joiner:
    """Joins the transcriptions of the parts of a text."""

    def __init__(self) -> None:
        self._phonemes = ""
        self._labels: list[int | None] = []
        self._words: list[Span] = []
        self._unread: list[str] = []

    def add(self, part: Transcription, start: int, *, apart: bool) -> None:
        """Add a part whose text begins at `start`; `apart` puts a space before it."""
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
        """The transcription of all parts."""
        return Transcription(self._phonemes, tuple(self._labels), tuple(self._words), tuple(self._unread))


def covering(spoken: Transcription, text: str, readable: Sequence[Span]) -> Transcription:
    """The transcription with a word for every letter and digit of the `readable` parts of the text.

    A word without a symbol, and a letter that is in no word, become part of the word before them, or of the
    first word at the beginning of the text.
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
