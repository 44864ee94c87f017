"""The model's own speed for a wanted one.

Its durations are whole frames, at least one for each symbol: at `speed=2` a text takes up to 12 % more than
half of its usual time.
"""

from __future__ import annotations

from collections.abc import Callable

TOLERANCE = 0.01
"""Share by which the length of a piece may differ from the wanted one."""
MOST_STEPS = 6
BOUNDS = (0.25, 8.0)
"""Speeds of the model that are tried."""


def model_speed(wanted: float, frames_at: Callable[[float], int]) -> float:
    """The speed at which the model takes 1/`wanted` of its usual frames, as near as a few tries come."""
    if wanted == 1.0:
        return wanted
    target = frames_at(1.0) / wanted
    speed, best, least = wanted, wanted, float("inf")
    for _ in range(MOST_STEPS):
        frames = frames_at(speed)
        if abs(frames / target - 1) < least:
            best, least = speed, abs(frames / target - 1)
        if least <= TOLERANCE:
            break
        speed = min(max(speed * frames / target, BOUNDS[0]), BOUNDS[1])
    return best
