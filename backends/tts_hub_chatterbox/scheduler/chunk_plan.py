"""Where a segment is cut into chunks, which grow from one to the next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

LONG_CHUNK = 30
"""Tokens from which on a chunk waits for some more, so that no tiny rest is left behind it. The first chunk
does not wait, as the client waits for it."""
REST_SHARE = 4
"""A long chunk waits until a quarter of its tokens more are there."""


@dataclass(slots=True)
class ChunkPlan:
    """The cuts of one segment. They depend on its tokens alone, so that a seed always sounds the same."""

    first: int
    """Tokens of the first chunk, with those that are only looked ahead to and leave with the next one."""
    size: float
    """Tokens of the next chunk behind the first one."""
    growth: float
    """The factor by which each chunk is longer than the one before it."""
    longest: float
    """Tokens of the longest chunk."""
    begun: bool = False
    """Whether the first chunk has been made."""

    def next(self, pending: int, *, decoded: bool) -> int | None:
        """How many of the pending tokens the next chunk takes, or None if it must wait for more.

        `decoded` says that no more will come.
        """
        size = self._size
        if pending >= self.needed and not (decoded and pending == size):
            return size
        return pending if decoded else None

    def grow(self) -> None:
        """Go to the next chunk, after one has been made."""
        if self.begun:
            self.size = min(self.size * self.growth, self.longest)
        self.begun = True

    def to_come(self, pending: int, remaining: int) -> Iterator[tuple[int, int]]:
        """All chunks until the end: for each the tokens still to be decoded before it, and its own tokens."""
        future = replace(self)
        while pending + remaining > 0:
            decoded = min(max(0, future.needed - pending), remaining)
            pending, remaining = pending + decoded, remaining - decoded
            own = future.next(pending, decoded=not remaining) or pending
            yield decoded, own
            pending -= own
            future.grow()

    @property
    def _size(self) -> int:
        return int(self.size) if self.begun else self.first

    @property
    def needed(self) -> int:
        """How many tokens must be pending for the next chunk, unless all are."""
        return self._size + (self._size // REST_SHARE if self.begun and self._size >= LONG_CHUNK else 0)
