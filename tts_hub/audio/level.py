"""Brings voices to one loudness without pumping: the gain only moves between segments, a little."""

from __future__ import annotations

from tts_hub.audio.loudness import LoudnessMeter
from tts_hub.audio.pcm import db_to_gain
from tts_hub.types import Samples

MAX_GAIN_DB = 15.0
MAX_STEP_DB = 1.0
TRUSTED_SECONDS = 3.0
"""Running loudness is within about 0.3 LU of the final value by then; before, a known value is better."""


class Leveller:
    """Chooses the gain for the segments of ONE voice.

    `start_lufs` is the loudness that this voice is known to have; `None` starts at 0 dB and works
    towards the target by at most 1 dB a segment.
    """

    def __init__(self, target_lufs: float, start_lufs: float | None, sample_rate: int) -> None:
        self._target = target_lufs
        self._known = start_lufs
        self._meter = LoudnessMeter(sample_rate)
        self._gain_db = 0.0 if start_lufs is None else self._wanted_db(start_lufs)

    @property
    def gain_db(self) -> float:
        """Of the present segment."""
        return self._gain_db

    @property
    def measured_lufs(self) -> float | None:
        """Loudness of the voice's raw audio so far: what to start from next time."""
        return self._meter.lufs

    def measure(self, samples: Samples) -> None:
        """Listen to raw audio of the voice, shape (T,)."""
        self._meter.add(samples)

    def apply(self, samples: Samples) -> Samples:
        """The samples with the gain of the present segment."""
        return samples * db_to_gain(self._gain_db) if self._gain_db else samples

    def next_segment(self) -> None:
        """Move the gain towards what the measurement asks for; call it between two segments."""
        measured = self._meter.lufs
        if measured is None or (self._known is not None and self._meter.seconds < TRUSTED_SECONDS):
            return
        step = self._wanted_db(measured) - self._gain_db
        self._gain_db += max(-MAX_STEP_DB, min(MAX_STEP_DB, step))

    def _wanted_db(self, lufs: float) -> float:
        return max(-MAX_GAIN_DB, min(MAX_GAIN_DB, self._target - lufs))
