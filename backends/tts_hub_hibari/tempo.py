"""The model's own speed for a wanted one.

Its durations are whole frames, at least one for each symbol: at a speed of 1.25 a text may take 12 % more
than 1/1.25 of its usual time. The lengths before rounding say which speed comes nearest.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

STEPS = 16
"""Halvings of the range of speeds: the last steps are below a thousandth."""
RANGE = 3.0
"""The model's speed is searched up to this factor above and below the wanted one."""


def model_speed(wanted: float, lengths: NDArray[np.float32]) -> float:
    """The speed at which symbols of `lengths` (N,) frames come nearest to 1/`wanted` of their usual time."""
    target = frames_at(1.0, lengths) / wanted
    low, high = wanted / RANGE, wanted * RANGE
    for _ in range(STEPS):
        middle = (low + high) / 2
        if frames_at(middle, lengths) > target:
            low = middle
        else:
            high = middle
    return min(low, high, key=lambda speed: abs(frames_at(speed, lengths) - target))


def frames_at(speed: float, lengths: NDArray[np.float32]) -> int:
    """The frames that the model gives symbols of `lengths` (N,) at a speed."""
    return int(np.maximum(np.round(lengths / np.float32(speed)), 1).sum())
