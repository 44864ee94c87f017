"""Clicks: places that linear prediction cannot foresee from the sound around them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tts_hub.types import Samples

ORDER = 16
BLOCK_SECONDS = 0.1
"""The sound that is judged at a time, by itself and half as much on each side."""
NEIGHBOURS_SECONDS = 0.002
"""The sound on each side that a click rises above: a click is narrow, the burst of a `t` is not."""
WIDTH_SECONDS = 0.0007
"""The middle that does not count as neighbours: the click itself and its echo in the prediction."""
AUDIBLE = 1e-3
"""The peak below which a block is silence."""
ERROR_FLOOR = 1e-4
"""The prediction error below which nothing is audible."""
STRONG = 18.0
"""The strength from which a place counts as a click: the strongest places of untouched speech are 5 to 15."""


@dataclass(frozen=True, slots=True)
class Clicks:
    """The clicks of one take."""

    count: int
    strongest: float
    """The strength of the strongest place, a click or not."""


def clicks(samples: Samples, sample_rate: int) -> Clicks:
    """The clicks in audio of shape (T,)."""
    if not len(samples):
        return Clicks(0, 0.0)
    strength = isolated_error(samples, sample_rate)
    places = np.flatnonzero(strength >= STRONG)
    apart = np.diff(places) > BLOCK_SECONDS * sample_rate
    return Clicks(int(len(places) > 0) + int(apart.sum()), float(strength.max(initial=0.0)))


def isolated_error(samples: Samples, sample_rate: int) -> NDArray[np.float64]:
    """How far the prediction error of each sample rises above its block and its neighbours; shape (T,)."""
    block = round(BLOCK_SECONDS * sample_rate)
    error = np.zeros(len(samples))
    for at in range(0, len(samples), block):
        first = max(0, at - block // 2)
        around = samples[first : at + block + block // 2]
        if len(around) < block // 2 or np.abs(around).max() < AUDIBLE:
            continue
        relative = prediction_error(around)
        relative /= max(float(np.percentile(relative, 90)), ERROR_FLOOR)
        own = relative[at - first : at - first + block]
        error[at : at + len(own)] = own
    return error / np.maximum(_neighbours(error, sample_rate), 1.0)


def _neighbours(error: NDArray[np.float64], sample_rate: int) -> NDArray[np.float64]:
    """The root mean square of the error on both sides of each sample, shape (T,)."""
    reach, gap = round(NEIGHBOURS_SECONDS * sample_rate), round(WIDTH_SECONDS * sample_rate)
    window = np.ones(2 * reach + 1)
    window[reach - gap : reach + gap + 1] = 0
    squares = np.convolve(error**2, window / window.sum())[reach : reach + len(error)]
    return np.sqrt(np.maximum(squares, 0))


def worst_click(samples: Samples, place: int, reach: int = 240) -> float:
    """The largest `click_strength` within `reach` samples of a place."""
    return max(click_strength(samples, at) for at in range(place - reach, place + reach + 1, 20))


def click_strength(samples: Samples, place: int, context: int = 2_400) -> float:
    """The peak of the prediction error around `place`, against the 90th percentile of its surroundings.

    Untouched speech stays below 6, a hard cut in loud speech is mostly beyond.
    """
    error = prediction_error(samples[max(0, place - context) : place + context])
    centre = min(place, context)
    return float(error[centre - 6 : centre + 20].max() / np.percentile(error, 90))


def prediction_error(samples: Samples) -> NDArray[np.float64]:
    """The absolute error of linear prediction, fitted to these samples themselves; shape (T,)."""
    around = samples.astype(np.float64)
    lags = np.array([around[: len(around) - lag] @ around[lag:] for lag in range(ORDER + 1)])
    matrix = lags[np.abs(np.subtract.outer(np.arange(ORDER), np.arange(ORDER)))]
    matrix += np.eye(ORDER) * lags[0] * 1e-6
    predictor = np.linalg.solve(matrix, lags[1:])
    return np.abs(np.convolve(around, np.concatenate([[1.0], -predictor]))[: len(around)])
