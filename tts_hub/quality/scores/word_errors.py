"""Word errors: the fewest words to replace, leave out and add that make the heard words of the said ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["same", "replaced", "missing", "added"]


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the alignment of said and heard words."""

    kind: Kind
    said: str
    """The word of the text; empty for an added one."""
    heard: str
    """The word of the transcript; empty for a missing one."""


@dataclass(frozen=True, slots=True)
class WordErrors:
    """The errors of one transcript, or of several together."""

    said: int
    """Words of the text."""
    replaced: int
    missing: int
    added: int

    @property
    def count(self) -> int:
        """All errors."""
        return self.replaced + self.missing + self.added

    @property
    def rate(self) -> float:
        """Errors per word of the text: the word error rate, or that of characters."""
        return self.count / max(1, self.said)

    def __add__(self, other: WordErrors) -> WordErrors:
        return WordErrors(
            self.said + other.said,
            self.replaced + other.replaced,
            self.missing + other.missing,
            self.added + other.added,
        )


def word_errors(said: Sequence[str], heard: Sequence[str]) -> WordErrors:
    """The errors of heard words, both sides as `spoken_words` gives them."""
    return count_errors(aligned(said, heard))


def count_errors(steps: Iterable[Step]) -> WordErrors:
    """The errors of an alignment."""
    kinds = [step.kind for step in steps]
    said = sum(kind != "added" for kind in kinds)
    return WordErrors(said, kinds.count("replaced"), kinds.count("missing"), kinds.count("added"))


def aligned(said: Sequence[str], heard: Sequence[str]) -> list[Step]:
    """The cheapest alignment, every error at the same cost; equal words are preferred early in the text."""
    costs = _costs(said, heard)
    steps, row, column = list[Step](), 0, 0
    while row < len(said) or column < len(heard):
        rest = costs[row][column]
        both = row < len(said) and column < len(heard)
        if both and said[row] == heard[column] and rest == costs[row + 1][column + 1]:
            kind: Kind = "same"
        elif both and rest == costs[row + 1][column + 1] + 1:
            kind = "replaced"
        elif row < len(said) and rest == costs[row + 1][column] + 1:
            kind = "missing"
        else:
            kind = "added"
        steps.append(
            Step(kind, said[row] if kind != "added" else "", heard[column] if kind != "missing" else "")
        )
        row += kind != "added"
        column += kind != "missing"
    return steps


def _costs(said: Sequence[str], heard: Sequence[str]) -> list[list[int]]:
    """Shape (said + 1, heard + 1): the fewest errors of the words from a place to the end of both."""
    costs = [[0] * (len(heard) + 1) for _ in range(len(said) + 1)]
    for row in range(len(said), -1, -1):
        for column in range(len(heard), -1, -1):
            if row == len(said) or column == len(heard):
                costs[row][column] = len(said) - row + len(heard) - column
            elif said[row] == heard[column]:
                costs[row][column] = costs[row + 1][column + 1]
            else:
                costs[row][column] = 1 + min(
                    costs[row + 1][column + 1], costs[row + 1][column], costs[row][column + 1]
                )
    return costs
