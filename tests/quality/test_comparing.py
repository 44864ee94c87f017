"""A difference of two results is named only where chance does not explain it."""

from __future__ import annotations

import numpy as np
import pytest

from tests.quality.takes import result_of, subject_of
from tts_hub.quality.comparing import Difference, bootstrap, compare

GENERATOR = np.random.default_rng(7)
NOISY = [float(value) for value in GENERATOR.normal(3.3, 0.3, 40)]


def measured(found: list[Difference], name: str) -> Difference:
    (difference,) = [each for each in found if each.measure.name == name]
    return difference


def test_the_same_result_has_no_difference() -> None:
    result = result_of(subject_of([0, 1, 2, 0, 0, 1, 0]))
    found = measured(compare(result, result), "error rate")
    assert found.a == pytest.approx(100 * 4 / 70)
    assert (found.low, found.high) == (0.0, 0.0)
    assert found.verdict == "within chance"


def test_a_small_difference_on_every_sentence_is_found_by_pairs() -> None:
    """The sentences differ more among each other than A and B do: only pairs show it."""
    a = subject_of([0] * 40, dnsmos=NOISY)
    b = subject_of([0] * 40, dnsmos=[value + 0.05 for value in NOISY])
    found = measured(compare(result_of(a), result_of(b)), "dnsmos")
    assert found.low == pytest.approx(0.05, abs=0.001)
    assert found.verdict == "B is better"
    assert measured(compare(result_of(b), result_of(a)), "dnsmos").verdict == "B is worse"


def test_two_errors_among_many_sentences_are_chance() -> None:
    a, b = subject_of([0] * 40), subject_of([1, 1] + [0] * 38)
    assert measured(compare(result_of(a), result_of(b)), "error rate").verdict == "within chance"
    c = subject_of([1, 2] * 20)
    assert measured(compare(result_of(a), result_of(c)), "error rate").verdict == "B is worse"


def test_few_sentences_have_no_interval() -> None:
    a, b = subject_of([0] * 5), subject_of([3] * 5)
    assert measured(compare(result_of(a), result_of(b)), "error rate").verdict == "too few sentences"


def test_two_engines_are_compared_where_each_result_has_one_voice() -> None:
    a, b = subject_of([0] * 6), subject_of([1] * 6, voice="high")
    assert compare(result_of(a), result_of(b))[0].subject == "fake low en / fake high en"
    assert compare(result_of(a, b), result_of(subject_of([1] * 6, voice="mid"))) == []


def test_only_sentences_of_both_count() -> None:
    found = compare(result_of(subject_of([0] * 10)), result_of(subject_of([0] * 7)))
    assert {each.pairs for each in found} == {7}


def test_the_interval_is_the_same_each_time_and_covers_the_truth() -> None:
    values = np.ones((200, 2, 2))
    values[:, 1, 0] += GENERATOR.normal(0.1, 0.5, 200)
    low, high = bootstrap(values)
    assert (low, high) == bootstrap(values)
    assert low < 0.1 < high
    assert high - low == pytest.approx(2 * 1.96 * 0.5 / np.sqrt(200), rel=0.2)
