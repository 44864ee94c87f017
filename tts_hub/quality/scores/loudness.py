"""The loudness of takes, and how far the takes of one voice lie apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tts_hub.audio.loudness import LoudnessMeter
from tts_hub.types import Samples


@dataclass(frozen=True, slots=True)
class LoudnessSpread:
    """The loudness of several takes."""

    mean: float
    """LUFS."""
    deviation: float
    """The standard deviation in LU."""
    spread: float
    """LU from the 5th to the 95th percentile."""


def loudness(samples: Samples, sample_rate: int) -> float | None:
    """The integrated loudness in LUFS, after ITU-R BS.1770-4; None below 0.4 s of sound."""
    meter = LoudnessMeter(sample_rate)
    meter.add(samples)
    return meter.lufs


def loudness_spread(takes: Sequence[float]) -> LoudnessSpread | None:
    """The spread of the loudness of takes, in LUFS; None without takes."""
    if not takes:
        return None
    low, high = np.percentile(takes, [5, 95])
    return LoudnessSpread(float(np.mean(takes)), float(np.std(takes)), float(high - low))
