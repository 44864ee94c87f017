"""Comparison of two results: ratios, and the noise that they carry."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tts_hub.bench.result import Cell, Result, Sample

MEASURES = ("first_byte", "first_audio", "first_audible", "total", "real_time_factor")
CONFIDENCE = 0.95
STRETCHES = 6
"""The number of pieces that a cell is cut into, to see how much the machine changes within it."""
T_QUANTILE = 2.23
"""Student's t for 95 %, two-sided, with the 2 * (STRETCHES - 1) degrees of freedom of two cells."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """One measure of B divided by that of A: below 1, B is faster."""

    cell: str
    measure: str
    a: float
    """The median of A, in seconds."""
    b: float
    ratio: float
    low: float
    high: float
    """The 95 % interval of the ratio; NaN when there are too few samples."""

    @property
    def verdict(self) -> str:
        """The meaning of the ratio, in words."""
        if math.isnan(self.ratio):
            return "not comparable"
        if math.isnan(self.low):
            return "too few samples to compare"
        if self.low <= 1.0 <= self.high:
            return "within noise"
        return "B is faster" if self.ratio < 1 else "B is slower"


def compare(a: Result, b: Result) -> list[Ratio]:
    """The ratios of all cells that both results have."""
    others = {_key(cell): cell for cell in b.cells}
    return [
        ratio
        for cell in a.cells
        if _key(cell) in others
        for ratio in compare_cells(cell, others[_key(cell)], paired=False)
    ]


def differences(a: Result, b: Result) -> Iterator[str]:
    """Differences of two results besides their figures, as lines such as `cores: 2 / 16`."""
    for name in ("processor", "cores", "python", "platform"):
        yield from _unlike(name, getattr(a.machine, name), getattr(b.machine, name))
    for name in sorted({*a.machine.packages, *b.machine.packages}):
        yield from _unlike(name, a.machine.packages.get(name), b.machine.packages.get(name))
    for name in ("model", "voice"):
        yield from _unlike(name, *(sorted({str(getattr(cell, name)) for cell in r.cells}) for r in (a, b)))
    keys = [{_key(cell): cell for cell in r.cells} for r in (a, b)]
    for label, own, other in zip("AB", keys, reversed(keys), strict=True):
        missing = [cell.name for key, cell in own.items() if key not in other]
        if missing:
            yield f"only in {label}: {', '.join(missing)}"


def compare_cells(a: Cell, b: Cell, *, paired: bool) -> list[Ratio]:
    """The ratios of two cells; `paired` when their samples were taken in turns."""
    return [_ratio(a, b, measure, paired=paired) for measure in MEASURES]


def _ratio(a: Cell, b: Cell, measure: str, *, paired: bool) -> Ratio:
    if not a.samples or not b.samples:
        return Ratio(a.name, measure, *[math.nan] * 5)
    middles = _middle(a.samples, measure), _middle(b.samples, measure)
    logs = _pairs(a, b, measure) if paired else []
    if logs:
        middle, (low, high) = statistics.median(logs), interval_of_median(logs)
    else:
        middle = math.log(middles[1] / middles[0])
        noise = _noise(a, b, measure)
        low, high = middle - noise, middle + noise
    return Ratio(a.name, measure, *middles, math.exp(middle), math.exp(low), math.exp(high))


def _pairs(a: Cell, b: Cell, measure: str) -> list[float]:
    """The logarithm of B divided by A, for each turn in which both have samples.

    The requests of a turn run at the same time, under the same conditions: they count as one.
    """
    ours, theirs = _by_turn(a), _by_turn(b)
    return [
        math.log(_middle(theirs[turn], measure) / _middle(ours[turn], measure))
        for turn in sorted(ours.keys() & theirs.keys())
    ]


def interval_of_median(values: Sequence[float]) -> tuple[float, float]:
    """The 95 % interval of the median, by the binomial distribution: that of the values does not matter.

    NaN for fewer than six values: even all of them on one side may be chance.
    """
    ordered, outside, below = sorted(values), 0, 0.0
    count = len(ordered)
    while below + math.comb(count, outside) / 2**count <= (1 - CONFIDENCE) / 2:
        below += math.comb(count, outside) / 2**count
        outside += 1
    if not outside:
        return math.nan, math.nan
    return ordered[outside - 1], ordered[count - outside]


def _noise(a: Cell, b: Cell, measure: str) -> float:
    """Half the interval of the logarithm of a ratio, where the cells were measured at different times.

    More samples do not help against a machine that was busier the second time. So two cells count as
    different only if they differ by more than the stretches of one cell do, and by more than the yardstick
    says that the machine itself was slower.
    """
    if min(len(a.samples), len(b.samples)) < STRETCHES:
        return math.nan
    spread = math.hypot(*(_spread(cell.samples, measure) for cell in (a, b)))
    drift = abs(math.log(statistics.median(b.yardsticks) / statistics.median(a.yardsticks)))
    return T_QUANTILE * spread + drift


def _spread(samples: Sequence[Sample], measure: str) -> float:
    """The standard deviation of the logarithms of the medians of stretches."""
    borders = [len(samples) * number // STRETCHES for number in range(STRETCHES + 1)]
    stretches = [samples[a:b] for a, b in itertools.pairwise(borders)]
    return statistics.stdev(math.log(_middle(stretch, measure)) for stretch in stretches)


def _middle(samples: Sequence[Sample], measure: str) -> float:
    return statistics.median(float(getattr(sample, measure)) for sample in samples)


def _by_turn(cell: Cell) -> dict[int, list[Sample]]:
    turns: dict[int, list[Sample]] = {}
    for sample in cell.samples:
        turns.setdefault(sample.turn, []).append(sample)
    return turns


def _key(cell: Cell) -> tuple[str, str]:
    return cell.configuration, cell.name


def _unlike(name: str, a: object, b: object) -> Iterator[str]:
    if a != b:
        yield f"{name}: {_in_words(a)} / {_in_words(b)}"


def _in_words(value: object) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)
