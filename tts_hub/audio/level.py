"""Levelling of voices to one loudness, without pumping: the gain only changes between segments, a little."""

from __future__ import annotations

import numpy as np

from tts_hub.audio.loudness import LoudnessMeter
from tts_hub.audio.pcm import db_to_gain, silence
from tts_hub.types import Samples

MAX_GAIN_DB = 24.0
"""The greatest gain: some engines are as soft as -43 LUFS, and the limiter keeps the peaks."""
MAX_STEP_DB = 1.0
"""The greatest change of the gain between two segments."""
MAX_FIRST_STEP_DB = 3.0
"""The same for the first change, where only the opening of the voice gave the gain."""
TRUSTED_SECONDS = 3.0
"""Seconds of audio after which the running loudness, within about 0.3 LU of the final value, is better than
the known one."""


class Leveller:
    """Chooses the gain for the segments of ONE voice.

    `start_lufs` is the known loudness of this voice. With `None`, its first audio is held back until 0.6 s of
    sound have come, or until the segment ends; silence before the first sound is not held back.
    """

    def __init__(self, target_lufs: float, start_lufs: float | None, sample_rate: int) -> None:
        self._target = target_lufs
        self._known = start_lufs
        self._meter = LoudnessMeter(sample_rate)
        self._gain_db = None if start_lufs is None else self._wanted_db(start_lufs)
        self._step_db = MAX_STEP_DB if start_lufs is not None else MAX_FIRST_STEP_DB
        self._held = silence(0)
        self._passed = 0  # samples of silence that left before the gain was known

    @property
    def gain_db(self) -> float:
        """The gain of the present segment; 0 while it is not known yet."""
        return self._gain_db or 0.0

    @property
    def measured_lufs(self) -> float | None:
        """The loudness of the voice's raw audio so far, a good `start_lufs` for the next time."""
        return self._meter.lufs

    def process(self, samples: Samples) -> Samples:
        """Level raw audio of the voice, shape (T,); returns the part that is ready."""
        self._meter.add(samples)
        if self._gain_db is not None:
            return self._louder(samples)
        self._held = np.concatenate([self._held, samples])
        return self._release(self._meter.opening_lufs)

    def end_segment(self) -> Samples:
        """End a segment; returns the samples that were held back because it had little sound."""
        if self._gain_db is not None:
            return silence(0)
        ready = self._release(self._meter.opening_so_far())
        rest, self._held = self._held, silence(0)
        self._passed += len(rest)
        return np.concatenate([ready, rest])

    def next_segment(self) -> None:
        """Move the gain towards the measured one; call it between two segments."""
        measured = self._meter.lufs
        if self._gain_db is None or measured is None:
            return
        if self._known is not None and self._meter.seconds < TRUSTED_SECONDS:
            return
        step = self._wanted_db(measured) - self._gain_db
        self._gain_db += max(-self._step_db, min(self._step_db, step))
        self._step_db = MAX_STEP_DB

    def _release(self, opening_lufs: float | None) -> Samples:
        """The silence before the first sound; once the opening is known, all samples that were held back."""
        ready, self._held = np.split(self._held, [max(0, self._meter.silent_lead - self._passed)])
        self._passed += len(ready)
        if opening_lufs is None:
            return ready
        self._gain_db = self._wanted_db(opening_lufs)
        held, self._held = self._held, silence(0)
        return np.concatenate([ready, self._louder(held)])

    def _louder(self, samples: Samples) -> Samples:
        return samples * db_to_gain(self._gain_db) if self._gain_db else samples

    def _wanted_db(self, lufs: float) -> float:
        return max(-MAX_GAIN_DB, min(MAX_GAIN_DB, self._target - lufs))
