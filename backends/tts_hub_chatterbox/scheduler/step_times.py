"""How long prefills, decode steps and chunks take on this machine."""

from __future__ import annotations

import statistics
from collections import defaultdict, deque

from tts_hub_chatterbox.nets.units import TOKENS_PER_SECOND

REMEMBERED_STEPS = 9
"""Latest steps whose median counts: a single slow one says nothing."""
FORGETTING = 0.9
"""What a measured chunk still counts for at the next one."""
ROW_COST = 1 / 8
"""What one more row is taken to add to a step, until there was one."""


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
