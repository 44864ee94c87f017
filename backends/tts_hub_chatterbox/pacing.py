"""When what must be there: chunks that grow, the moment at which a reader runs dry, and what work costs.

A reader is taken to play what he gets as it comes, from the first chunk of his request on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from tts_hub_chatterbox.units import TOKENS_PER_SECOND

FORGETTING = 0.2
"""Share of the latest measurement in a running mean."""
CRUMB = 4
"""A last chunk is at least a quarter of what it might have been."""
FIRST_GUESS = 0.5
"""Seconds of a chunk before one was measured."""


@dataclass(slots=True)
class Chunks:
    """Where a segment is cut into chunks: by its tokens alone, so that a seed always sounds the same.

    A chunk is made only when some tokens behind it are there, too, so that no crumb is left for the last one.
    Only the first chunk of a request does not wait for that.
    """

    size: float
    """Tokens of the next one."""
    growth: float
    longest: float
    waits: bool
    """For tokens behind it."""

    def next(self, pending: int, *, decoded: bool) -> int | None:
        """How many tokens the next chunk takes; None if it must wait."""
        size = int(self.size)
        if pending >= size + (size // CRUMB if self.waits else 0) and not (decoded and pending == size):
            return size
        return pending if decoded else None

    def grow(self) -> None:
        """After a chunk has been made."""
        self.size = min(self.size * self.growth, self.longest)
        self.waits = True


@dataclass(slots=True)
class Listener:
    """What one request has been given so far."""

    began_at: float | None = None
    """When its first audio left."""
    seconds: dict[int, float] = field(default_factory=dict)
    """Of audio by segment; of one under way what it will come to."""

    def runs_dry(self, index: int, sent: float) -> float | None:
        """When the audio of a segment is used up, of which so much was sent; None before anything began."""
        if self.began_at is None:
            return None
        return self.began_at + sum(s for i, s in self.seconds.items() if i < index) + sent


class Costs:
    """What steps and chunks take on this machine, by running means."""

    def __init__(self) -> None:
        self._steps: dict[int, float] = {}
        self._chunk = FIRST_GUESS
        self._share = 0.0

    def step_took(self, rows: int, seconds: float) -> None:
        """A step of so many rows."""
        before = self._steps.get(rows, seconds)
        self._steps[rows] = before + FORGETTING * (seconds - before)

    def chunk_took(self, seconds: float, audio_seconds: float) -> None:
        """A chunk from tokens to samples."""
        self._chunk += FORGETTING * (seconds - self._chunk)
        if audio_seconds > 0:
            share = seconds / audio_seconds
            self._share += FORGETTING * (share - self._share) if self._share else share

    def step(self, rows: int) -> float:
        """Seconds of a step; measured ones of about as many rows stand for those that were not."""
        if not self._steps:
            return 0.0
        nearest = min(self._steps, key=lambda known: (abs(known - rows), known))
        return self._steps[nearest] * max(1.0, rows / nearest)

    @property
    def chunk(self) -> float:
        """Seconds of a chunk."""
        return self._chunk

    def load(self, listeners: int) -> float:
        """Share of the time that so many requests would take that are heard in real time."""
        return TOKENS_PER_SECOND * self.step(listeners) + listeners * self._share


def soonest(moments: Iterable[float]) -> float:
    """The first of some moments; infinity if there are none."""
    return min(moments, default=float("inf"))
