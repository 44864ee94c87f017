"""Comparison of two results: the differences of their figures, with intervals by a paired bootstrap."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tts_hub.quality.result import Result, Subject, Take

CONFIDENCE = 0.95
DRAWS = 10_000
"""Samples of the bootstrap."""
SEED = 1
LEAST_PAIRS = 6
"""The pairs below which no interval is given."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure of takes that is compared."""

    name: str
    unit: str
    parts: Callable[[Take], tuple[float, float] | None]
    """The numerator and the denominator of a take; the figure of many takes is the ratio of their sums."""
    lower_is_better: bool


def _mean_of(name: str, unit: str, *, lower_is_better: bool) -> Measure:
    def parts(take: Take) -> tuple[float, float] | None:
        value = getattr(take, name)
        return None if value is None else (float(value), 1.0)

    return Measure(name.replace("_", " "), unit, parts, lower_is_better)


def _errors(take: Take) -> tuple[float, float] | None:
    return None if take.errors is None or take.said is None else (100.0 * take.errors, float(take.said))


MEASURES = (
    Measure("error rate", "%", _errors, lower_is_better=True),
    _mean_of("dnsmos", "MOS", lower_is_better=False),
    _mean_of("distillmos", "MOS", lower_is_better=False),
    _mean_of("similarity", "", lower_is_better=False),
    _mean_of("silence_before", "s", lower_is_better=True),
    _mean_of("silence_behind", "s", lower_is_better=True),
    _mean_of("clipped", "samples", lower_is_better=True),
    _mean_of("click_strength", "", lower_is_better=True),
    _mean_of("loudness", "LUFS", lower_is_better=False),
)


@dataclass(frozen=True, slots=True)
class Difference:
    """One measure of B less that of A."""

    subject: str
    measure: Measure
    pairs: int
    """Sentences that both have."""
    a: float
    b: float
    low: float | None
    """The interval of B - A; None with too few pairs."""
    high: float | None

    @property
    def verdict(self) -> str:
        """The meaning of the difference, in words."""
        if self.low is None or self.high is None:
            return "too few sentences"
        if self.low <= 0 <= self.high:
            return "within chance"
        if self.measure.name == "loudness":
            return "B is louder" if self.low > 0 else "B is softer"
        return "B is better" if (self.high < 0) == self.measure.lower_is_better else "B is worse"


def compare(a: Result, b: Result) -> list[Difference]:
    """The differences of all voices that both results have.

    Where each result has one voice of a language, those two are compared, whatever their names: two engines
    on the same sentences.
    """
    return [
        difference for one, other in pairs_of_subjects(a, b) for difference in compare_subjects(one, other)
    ]


def pairs_of_subjects(a: Result, b: Result) -> Iterator[tuple[Subject, Subject]]:
    """The voices to compare."""
    named = {(subject.engine, subject.voice, subject.language): subject for subject in b.subjects}
    for one in a.subjects:
        same = named.get((one.engine, one.voice, one.language))
        alone = [s for s in b.subjects if s.language == one.language]
        ours = [s for s in a.subjects if s.language == one.language]
        if same is not None:
            yield one, same
        elif len(alone) == len(ours) == 1:
            yield one, alone[0]


def compare_subjects(a: Subject, b: Subject) -> list[Difference]:
    """The differences of two voices over the sentences that both have spoken."""
    theirs = {take.text: take for take in b.takes}
    takes = [(take, theirs[take.text]) for take in a.takes if take.text in theirs]
    name = a.name if a.name == b.name else f"{a.name} / {b.name}"
    found = []
    for measure in MEASURES:
        parts = [(measure.parts(one), measure.parts(other)) for one, other in takes]
        pairs = [(one, other) for one, other in parts if one is not None and other is not None]
        if pairs:
            found.append(_difference(name, measure, pairs))
    return found


def _difference(
    subject: str, measure: Measure, pairs: Sequence[tuple[tuple[float, float], tuple[float, float]]]
) -> Difference:
    values = np.array(pairs, dtype=np.float64)  # (pairs, A and B, numerator and denominator)
    a, b = _ratios(values.sum(axis=0)[None])[0]
    low = high = None
    if len(pairs) >= LEAST_PAIRS:
        low, high = bootstrap(values)
    return Difference(subject, measure, len(pairs), float(a), float(b), low, high)


def bootstrap(values: NDArray[np.float64], draws: int = DRAWS, seed: int = SEED) -> tuple[float, float]:
    """The 95 % interval of B - A, by drawing sentences with replacement, each for both sides at once.

    `values` has shape (pairs, 2, 2): A and B, each with numerator and denominator.
    """
    generator = np.random.default_rng(seed)
    counts = generator.multinomial(len(values), np.full(len(values), 1 / len(values)), size=draws)
    sums = np.tensordot(counts.astype(np.float64), values, axes=1)  # (draws, 2, 2)
    ratios = _ratios(sums)
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(ratios[:, 1] - ratios[:, 0], [tail, 100 - tail])
    return float(low), float(high)


def _ratios(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shape (draws, 2): the figure of A and of B."""
    return np.asarray(sums[..., 0] / np.maximum(sums[..., 1], 1e-12))
