"""How much a place in the audio stands out: linear prediction cannot foresee a click."""

from __future__ import annotations

import numpy as np

from tts_hub.types import Samples

ORDER = 16


def worst_click(samples: Samples, place: int, reach: int = 240) -> float:
    """The largest `click_strength` within `reach` samples of a place."""
    return max(click_strength(samples, at) for at in range(place - reach, place + reach + 1, 20))


def click_strength(samples: Samples, place: int, context: int = 2_400) -> float:
    """Peak of the prediction error around `place` against the 90th percentile of its surroundings.

    Untouched speech stays below 6, a hard cut in loud speech is mostly beyond.
    """
    around = samples[max(0, place - context) : place + context].astype(np.float64)
    lags = np.array([around[: len(around) - lag] @ around[lag:] for lag in range(ORDER + 1)])
    matrix = lags[np.abs(np.subtract.outer(np.arange(ORDER), np.arange(ORDER)))]
    matrix += np.eye(ORDER) * lags[0] * 1e-6
    predictor = np.linalg.solve(matrix, lags[1:])
    error = np.abs(np.convolve(around, np.concatenate([[1.0], -predictor]))[: len(around)])
    centre = min(place, context)
    return float(error[centre - 6 : centre + 20].max() / np.percentile(error, 90))
