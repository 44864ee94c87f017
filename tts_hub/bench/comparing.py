"""What a difference is worth: ratios with the noise they carry."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tts_hub.bench.result import Cell, Result

MEASURES = ("first_byte", "first_audio", "first_audible", "total", "real_time_factor")
RESAMPLES = 2_000
Values = NDArray[np.float64]
CONFIDENCE = (2.5, 97.5)
"""Percentiles of the resampled ratios: an interval of 95 %."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """B in terms of A, for one measure: below 1, B is faster."""

    cell: str
    measure: str
    a: float
    """Median of A in seconds."""
    b: float
    ratio: float
    low: float
    high: float
    """The 95 % interval of the ratio."""

    @property
    def verdict(self) -> str:
        """In plain words."""
        if math.isnan(self.ratio):
            return "not comparable"
        if self.low <= 1.0 <= self.high:
            return "within noise"
        return "B is faster" if self.ratio < 1 else "B is slower"


def compare(a: Result, b: Result, seed: int = 0) -> list[Ratio]:
    """Ratios of all cells that stand in both results."""
    others = {_name(cell): cell for cell in b.cells}
    return [
        ratio
        for cell in a.cells
        if _name(cell) in others
        for ratio in compare_cells(cell, others[_name(cell)], paired=False, seed=seed)
    ]


def compare_cells(a: Cell, b: Cell, *, paired: bool, seed: int = 0) -> list[Ratio]:
    """Ratios of two cells; `paired` when their samples were taken in turns."""
    return [_ratio(a, b, measure, paired, np.random.default_rng(seed)) for measure in MEASURES]


def _ratio(a: Cell, b: Cell, measure: str, paired: bool, chance: np.random.Generator) -> Ratio:
    left, right = _values(a, measure), _values(b, measure)
    if not len(left) or not len(right):
        nan = math.nan
        return Ratio(_name(a), measure, nan, nan, nan, nan, nan)
    if paired and not a.failures and not b.failures and len(left) == len(right):
        logs = np.log(right / left)
        ratio = float(np.exp(np.median(logs)))
        picks = chance.integers(0, len(logs), (RESAMPLES, len(logs)))
        resampled = np.exp(np.median(logs[picks], axis=1))
    else:
        ratio = float(np.median(right) / np.median(left))
        resampled = _medians(right, chance) / _medians(left, chance)
    low, high = (float(value) for value in np.percentile(resampled, CONFIDENCE))
    return Ratio(_name(a), measure, float(np.median(left)), float(np.median(right)), ratio, low, high)


def _medians(values: Values, chance: np.random.Generator) -> Values:
    picks = chance.integers(0, len(values), (RESAMPLES, len(values)))
    return np.asarray(np.median(values[picks], axis=1))


def _values(cell: Cell, measure: str) -> Values:
    return np.array([getattr(sample, measure) for sample in cell.samples], np.float64)


def _name(cell: Cell) -> str:
    load = f"{cell.streams} streams" if cell.rate is None else f"{cell.rate:g}/s"
    return f"{cell.target} {cell.response_format} {cell.text} {load}"
