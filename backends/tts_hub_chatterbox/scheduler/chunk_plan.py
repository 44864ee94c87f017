"""Where a segment is cut into chunks, which grow from one to the next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

LONG = 30
"""Tokens from which on a chunk waits for a quarter more of them, so that no crumb is left behind it. Not the
first one: somebody waits for it."""
CRUMB = 4


@dataclass(slots=True)
class Chunks:
    """Where a segment is cut into chunks: by its tokens alone, so that a seed always sounds the same."""

    first: int
    """Tokens of the first one, among them those that only lie behind what can leave."""
    size: float
    """Tokens of the next one behind it."""
    growth: float
    longest: float
    begun: bool = False

    def next(self, pending: int, *, decoded: bool) -> int | None:
        """How many tokens the next chunk takes; None if it must wait."""
        size = self._size
        if pending >= self.needed and not (decoded and pending == size):
            return size
        return pending if decoded else None

    def grow(self) -> None:
        """After a chunk has been made."""
        if self.begun:
            self.size = min(self.size * self.growth, self.longest)
        self.begun = True

    def to_come(self, pending: int, remaining: int) -> Iterator[tuple[int, int]]:
        """Of each chunk until the end the tokens to be drawn before it, of those that remain, and its own."""
        future = replace(self)
        while pending + remaining > 0:
            drawn = min(max(0, future.needed - pending), remaining)
            pending, remaining = pending + drawn, remaining - drawn
            own = future.next(pending, decoded=not remaining) or pending
            yield drawn, own
            pending -= own
            future.grow()

    @property
    def _size(self) -> int:
        return int(self.size) if self.begun else self.first

    @property
    def needed(self) -> int:
        """How many tokens must be there for the next chunk, unless all are."""
        return self._size + (self._size // CRUMB if self.begun and self._size >= LONG else 0)
