"""A difference is reported only when it is real."""

from __future__ import annotations

import math
import random

import pytest

from tests.bench.records import cell_of, result_of
from tts_hub.bench.comparing import compare, compare_cells, differences, interval_of_median

QUIET = [1.0, 1.1, 0.9, 1.05, 0.95, 1.0]


def test_compare_names_noise_as_noise() -> None:
    a = result_of(cell_of([1.0, 1.1, 0.9, 1.05, 0.95, 1.0]))
    noise = compare(a, result_of(cell_of([1.02, 1.08, 0.93, 1.0, 0.97, 1.01])))
    faster = compare(a, result_of(cell_of([0.5, 0.55, 0.45, 0.52, 0.48, 0.5])))
    assert {r.verdict for r in noise} == {"within noise"}
    assert {r.verdict for r in faster} == {"B is faster"}
    assert faster[0].low < faster[0].ratio < faster[0].high < 1


def verdicts(a: list[float], b: list[float], per_turn: int = 1) -> set[str]:
    cells = cell_of(a, per_turn=per_turn), cell_of(b, per_turn=per_turn)
    return {ratio.verdict for ratio in compare_cells(*cells, paired=True)}


def test_turns_that_drift_together_are_compared_one_by_one() -> None:
    drift = [1.5**n for n in range(10)]
    assert verdicts(drift, [1.1 * time for time in drift]) == {"B is slower"}
    assert verdicts(drift, drift) == {"within noise"}


def test_two_pairs_are_too_few_whatever_they_say() -> None:
    assert verdicts([1.0, 1.1], [0.1, 0.2]) == {"too few samples to compare"}
    assert verdicts(QUIET[:5], [0.1] * 5) == {"too few samples to compare"}
    assert verdicts(QUIET, [0.1] * 6) == {"B is faster"}


def test_requests_of_one_turn_count_as_one() -> None:
    """Eight streams at once fare alike: forty samples of five turns are five pairs."""
    assert verdicts([1.0] * 40, [0.5] * 40, per_turn=8) == {"too few samples to compare"}


def test_pairs_stay_pairs_when_one_side_failed_in_between() -> None:
    drift = [1.5**n for n in range(10)]
    a, b = cell_of(drift), cell_of([1.1 * time for time in drift])
    b = b.model_copy(update={"samples": b.samples[1:4] + b.samples[5:], "failures": ["x", "y"]})
    assert [ratio.ratio for ratio in compare_cells(a, b, paired=True)] == pytest.approx([1.1] * 5)


def test_the_interval_of_a_median_covers_it() -> None:
    chance = random.Random(1)
    covered = 0
    for _ in range(400):
        low, high = interval_of_median([chance.lognormvariate(0, 1) for _ in range(15)])
        covered += low <= 1.0 <= high
    assert covered / 400 > 0.93
    assert math.isnan(interval_of_median([1.0] * 5)[0])


def test_a_machine_that_was_slower_explains_a_difference_between_two_runs() -> None:
    a, b = cell_of(QUIET), cell_of([2.0 * time for time in QUIET])
    slow_machine = cell_of([2.0 * time for time in QUIET], busy=0.02)
    assert {ratio.verdict for ratio in compare(result_of(a), result_of(b))} == {"B is slower"}
    assert {ratio.verdict for ratio in compare(result_of(a), result_of(slow_machine))} == {"within noise"}


def test_sides_of_two_results_are_not_mixed_up() -> None:
    a, b = cell_of(QUIET), cell_of([3 * time for time in QUIET]).model_copy(update={"configuration": "B"})
    result = result_of(a, b)
    assert [ratio.ratio for ratio in compare(result, result)] == [1.0] * 10


def test_other_differences_are_listed() -> None:
    a = result_of(cell_of(QUIET), cell_of(QUIET, streams=4))
    b = result_of(cell_of(QUIET).model_copy(update={"model": "other"}))
    b.machine.cores = a.machine.cores + 1
    listed = list(differences(a, b))
    assert f"cores: {a.machine.cores} / {b.machine.cores}" in listed
    assert "model: m / other" in listed
    assert "only in A: library wav word 4 streams" in listed
    assert list(differences(a, a)) == []
