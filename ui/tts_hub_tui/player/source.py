"""The samples of a recording, at the rate of the loudspeaker."""

from __future__ import annotations

import numpy as np

from tts_hub.audio.filter import Resampler
from tts_hub.types import Samples
from tts_hub_tui.storage.recording import Recording

PIECE_SECONDS = 0.1
"""Seconds that are read at a time."""


class Source:
    """Reads a recording, which may still grow, piece by piece."""

    def __init__(self, recording: Recording, start: int, rate: int) -> None:
        """`start` is the first sample, `rate` the loudspeaker's in Hz."""
        self._recording = recording
        self._at = start
        own = recording.sample_rate
        self._resampler = Resampler(own, rate) if rate != own else None

    def next(self) -> tuple[Samples, bool]:
        """The next piece, shape (T,), with T = 0 if there is none yet; and whether it is the last."""
        is_complete = self._recording.is_complete  # asked first: if it is, all samples are there
        piece = self._recording.read(self._at, round(PIECE_SECONDS * self._recording.sample_rate))
        self._at += len(piece)
        # Nothing to read before the end: another program has cut the file short.
        is_last = is_complete and (self._at >= self._recording.frames or not len(piece))
        if self._resampler is None:
            return piece, is_last
        resampled = self._resampler.process(piece)
        if is_last:
            resampled = np.concatenate([resampled, self._resampler.finish()])
        return resampled, is_last
