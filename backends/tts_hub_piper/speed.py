"""Speed as the ratio of lengths.

A voice multiplies the lengths of its symbols by `length_scale` and rounds each up to whole frames, so that a
scale of 0.5 gives far more than half of the length. This finds the scale that gives the length wanted.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

TYPICAL = np.array(
    [0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.3, 1.4, 1.6, 1.7, 1.9, 2.1, 2.3, 2.6, 3.0, 3.6, 4.8],
    np.float32,
)
"""Lengths of symbols in frames as one voice speaks them (quantiles), where a graph does not give them."""
SCALES = (0.05, 20.0)
STEPS = 30
"""Steps of the bisection; each halves the error."""


def scale_for(speed: float, usual: float, lengths: NDArray[np.float32]) -> float:
    """The scale at which speech takes 1 / `speed` of its length at the scale `usual`.

    `lengths` (N,) are symbols' lengths in frames at the scale 1, before they are rounded up.
    """
    if speed == 1:
        return usual
    wanted = _frames(lengths, usual) / speed
    low, high = SCALES
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if _frames(lengths, middle) > wanted else (middle, high)
    return (low + high) / 2


def _frames(lengths: NDArray[np.float32], scale: float) -> float:
    """The mean number of frames of a symbol."""
    return float(np.ceil(lengths * np.float32(scale)).mean())
