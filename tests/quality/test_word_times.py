"""Planted shifts of word times are measured against the silence between words."""

from __future__ import annotations

import pytest

from tests.quality.takes import RATE, words_apart
from tts_hub.quality.scores.word_times import WORDS, texts_of_words, time_errors, time_figures
from tts_hub.types import WordTiming

SOME = ("garden", "doctor", "button", "number")


@pytest.mark.parametrize("late", [-0.12, -0.03, 0.0, 0.05])
def test_a_shift_is_measured(late: float) -> None:
    samples, words = words_apart(SOME, late=late)
    errors = time_errors(samples, RATE, words)
    assert errors is not None
    assert errors.starts == pytest.approx([late] * 4, abs=0.012)
    assert errors.ends == pytest.approx([late] * 4, abs=0.012)
    found = time_figures(errors.starts)
    assert found is not None
    assert found.bias == pytest.approx(late, abs=0.012)
    assert found.median == pytest.approx(abs(late), abs=0.012)


def test_one_late_word_is_seen_in_the_tail_alone() -> None:
    found = time_figures([0.0] * 18 + [0.3] * 2)
    assert found is not None
    assert (found.median, found.bias) == (0.0, 0.0)
    assert found.p95 == pytest.approx(0.3)


def test_another_number_of_words_cannot_be_used() -> None:
    samples, words = words_apart(SOME)
    assert time_errors(samples, RATE, words[:-1]) is None
    assert time_errors(samples, RATE, ()) is None


def test_reported_signs_are_no_words() -> None:
    samples, words = words_apart(SOME)
    assert time_errors(samples, RATE, [*words, WordTiming("–", 9.0, 9.0, (0, 1))]) is not None


def test_the_texts_hold_every_word_once() -> None:
    texts = texts_of_words()
    assert [word for text in texts for word in text.lower().split() if word.endswith(".")] == [
        f"{word}." for word in WORDS
    ]
    assert len(set(WORDS)) == len(WORDS) == 40


def test_nothing_has_no_figures() -> None:
    assert time_figures([]) is None
