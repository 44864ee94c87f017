"""Silence at the ends, and the stretches of sound between silences, by the level of short frames."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tts_hub.types import Samples

FRAME_SECONDS = 0.005
"""The length of a frame, and so the precision of all times."""
SILENT_DB = -50.0
"""The level against full scale below which audio is silent, whatever its peak."""
ONSET_DB = -35.0
"""The level against the loudest frame of a stretch from which sound counts as begun."""


def levels(samples: Samples, sample_rate: int) -> NDArray[np.float64]:
    """The level of each frame in dB of full scale, shape (frames,); the last frame may be shorter."""
    frame = max(1, round(FRAME_SECONDS * sample_rate))
    padded = np.pad(samples.astype(np.float64), (0, -len(samples) % frame)).reshape(-1, frame)
    return np.asarray(10 * np.log10(np.maximum(np.mean(padded**2, axis=1), 1e-20)))


def silence_at_ends(samples: Samples, sample_rate: int) -> tuple[float, float]:
    """Seconds of silence before the first and behind the last sound; the whole length twice if none."""
    seconds = len(samples) / sample_rate
    loud = np.flatnonzero(levels(samples, sample_rate) >= SILENT_DB)
    if not len(loud):
        return seconds, seconds
    return float(loud[0]) * FRAME_SECONDS, max(0.0, seconds - float(loud[-1] + 1) * FRAME_SECONDS)


def stretches(samples: Samples, sample_rate: int, silence: float) -> list[tuple[float, float]]:
    """The stretches of sound with at least `silence` seconds of silence between them: starts and ends.

    A stretch begins and ends where its level crosses `ONSET_DB` below its own loudest frame. Stretches of
    less than two frames are clicks, not sound.
    """
    level = levels(samples, sample_rate)
    loud = np.flatnonzero(level >= SILENT_DB)
    if not len(loud):
        return []
    borders = np.flatnonzero(np.diff(loud) > silence / FRAME_SECONDS)
    groups = np.split(loud, borders + 1)
    found = []
    for group in groups:
        within = level[group[0] : group[-1] + 1]
        sounding = np.flatnonzero(within >= within.max() + ONSET_DB) + group[0]
        if sounding[-1] - sounding[0] >= 1:
            found.append((float(sounding[0]) * FRAME_SECONDS, float(sounding[-1] + 1) * FRAME_SECONDS))
    return found
