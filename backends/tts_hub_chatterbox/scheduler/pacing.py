"""When what must be there: chunks that grow, the moment at which a listener runs dry, and what work costs.

A listener is taken to play what he gets as it comes and at its own speed, from his first chunk on.
"""

from __future__ import annotations

import statistics
from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from tts_hub_chatterbox.nets.units import TOKENS_PER_SECOND

REMEMBERED_STEPS = 9
"""Latest steps whose median counts: a single slow one says nothing."""
FORGETTING = 0.9
"""What a measured chunk still counts for at the next one."""
ROW_COST = 1 / 8
"""What one more row is taken to add to a step, until there was one."""
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


@dataclass(slots=True, eq=False)
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
    """What steps and chunks take on this machine."""

    def __init__(self) -> None:
        self._steps: defaultdict[int, deque[float]] = defaultdict(lambda: deque(maxlen=REMEMBERED_STEPS))
        self._joins: deque[float] = deque(maxlen=REMEMBERED_STEPS)
        self._chunk_seconds = 0.0
        self._audio_seconds = 0.0

    def step_took(self, rows: int, seconds: float) -> None:
        """A step of so many rows."""
        self._steps[rows].append(seconds)

    def join_took(self, seconds: float) -> None:
        """A segment whose text was read."""
        self._joins.append(seconds)

    def chunk_took(self, seconds: float, audio_seconds: float) -> None:
        """A chunk from tokens to samples."""
        self._chunk_seconds = FORGETTING * self._chunk_seconds + seconds
        self._audio_seconds = FORGETTING * self._audio_seconds + audio_seconds

    def step(self, rows: int) -> float:
        """Seconds of a step; where there was none of so many rows, one with about as many stands for it."""
        if not self._steps:
            return 0.0
        nearest = min(self._steps, key=lambda known: (abs(known - rows), known))
        return statistics.median(self._steps[nearest]) * (1 + ROW_COST * max(0, rows - nearest))

    @property
    def join(self) -> float:
        """Seconds until a segment has its first token."""
        return statistics.median(self._joins) if self._joins else 0.0

    def chunk(self, audio_seconds: float) -> float:
        """Seconds of a chunk of so much audio."""
        return audio_seconds * self._chunk_seconds / self._audio_seconds if self._audio_seconds else 0.0

    def load(self, listeners: int) -> float:
        """Share of the time that so many requests would take that are heard in real time."""
        return TOKENS_PER_SECOND * self.step(listeners) + self.chunk(listeners)
