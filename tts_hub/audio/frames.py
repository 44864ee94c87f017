"""Samples as frames, which FFmpeg's encoders and filters take through PyAV."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from tts_hub.audio.pcm import silence
from tts_hub.types import Samples

if TYPE_CHECKING:
    import av

SAMPLE_FORMAT = "fltp"
"""Planar float32, the format of all frames here."""
LAYOUT = "mono"


class FrameSource:
    """Makes frames of one sample rate, with time stamps that follow each other."""

    def __init__(self, sample_rate: int) -> None:
        import av  # FFmpeg is slow to import: only once there is audio

        self._new_frame = av.AudioFrame.from_ndarray
        self._sample_rate = sample_rate
        self._time_base = Fraction(1, sample_rate)
        self._next_pts = 0

    def frame(self, samples: Samples) -> av.AudioFrame:
        """The samples, of shape (T,) with T at least 1, as the next frame."""
        frame = self._new_frame(np.ascontiguousarray(samples)[None, :], SAMPLE_FORMAT, LAYOUT)
        frame.sample_rate = self._sample_rate
        frame.time_base = self._time_base
        frame.pts = self._next_pts
        self._next_pts += len(samples)
        return frame


def samples_of(frames: Iterable[av.AudioFrame]) -> Samples:
    """The samples of mono `fltp` frames, copied and joined; shape (T,), perhaps empty."""
    planes = [frame.to_ndarray()[0] for frame in frames]
    if not planes:
        return silence(0)
    return planes[0] if len(planes) == 1 else np.concatenate(planes)
