"""How long prefills, decode steps and chunks take on this machine."""

from __future__ import annotations

import statistics
from collections import defaultdict, deque

from tts_hub_chatterbox.nets.units import TOKENS_PER_SECOND

REMEMBERED_STEPS = 9
"""The latest steps whose median counts: a single slow one says nothing."""
DECAY = 0.9
"""The weight that a measured chunk keeps when the next one is measured."""
ROW_SHARE = 1 / 8
"""The share of a step's time that one more row is taken to add, until one was measured."""


class StepTimes:
    """Measured times in seconds, and the estimates that follow from them."""

    def __init__(self) -> None:
        self._steps: defaultdict[int, deque[float]] = defaultdict(lambda: deque(maxlen=REMEMBERED_STEPS))
        self._prefills: deque[float] = deque(maxlen=REMEMBERED_STEPS)
        self._chunk_seconds = 0.0
        self._audio_seconds = 0.0

    def add_step(self, rows: int, seconds: float) -> None:
        """Record a decode step of so many rows."""
        self._steps[rows].append(seconds)

    def add_prefill(self, seconds: float) -> None:
        """Record a prefill."""
        self._prefills.append(seconds)

    def add_chunk(self, seconds: float, audio_seconds: float) -> None:
        """Record a chunk's way from tokens to samples."""
        self._chunk_seconds = DECAY * self._chunk_seconds + seconds
        self._audio_seconds = DECAY * self._audio_seconds + audio_seconds

    def step(self, rows: int) -> float:
        """Seconds of a decode step, estimated from the nearest number of rows that was measured."""
        if not self._steps:
            return 0.0
        nearest = min(self._steps, key=lambda known: (abs(known - rows), known))
        return statistics.median(self._steps[nearest]) * (1 + ROW_SHARE * max(0, rows - nearest))

    @property
    def prefill(self) -> float:
        """Seconds until a segment has its first token."""
        return statistics.median(self._prefills) if self._prefills else 0.0

    def chunk(self, audio_seconds: float) -> float:
        """Seconds that a chunk of so much audio takes."""
        return audio_seconds * self._chunk_seconds / self._audio_seconds if self._audio_seconds else 0.0

    def load(self, requests: int) -> float:
        """The share of real time that so many requests take; above 1 they are slower than they are played."""
        return TOKENS_PER_SECOND * self.step(requests) + self.chunk(requests)
