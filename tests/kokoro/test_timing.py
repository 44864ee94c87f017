"""Word timings from durations: the formula of Kokoro's own pipeline, and estimates without them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tts_hub_kokoro.dimensions import FRAME_SAMPLES, LEAD_FRAMES

from tts_hub.text.phonemes import timing
from tts_hub.text.phonemes.transcription import Transcription

RATE = 24_000
timed_words = partial(timing.timed_words, frame_samples=FRAME_SAMPLES, lead_frames=LEAD_FRAMES)


@dataclass
class Token:
    """A word in hexgrad's `KPipeline`."""

    phonemes: str
    whitespace: bool
    start: float = 0.0
    end: float = 0.0


def about(*values: Any) -> Any:
    """A tuple whose numbers are compared approximately."""
    return tuple(pytest.approx(value) if isinstance(value, float) else value for value in values)


def joined(tokens: list[Token], durations: list[int]) -> None:
    """The rule of Kokoro's published pipeline, a word at a time."""
    left = right = 2 * max(0, durations[0] - 3)
    i = 1
    for token in tokens:
        j = i + len(token.phonemes)
        token.start = left / 80
        spoken = sum(durations[i:j])
        space = durations[j] if token.whitespace else 0
        left = right + 2 * spoken + space
        token.end = left / 80
        right = left + space
        i = j + (1 if token.whitespace else 0)


def spoken_of(tokens: list[Token]) -> tuple[Transcription, str]:
    """The same words as a transcription, and their text."""
    phonemes, labels = "", list[int | None]()
    for number, token in enumerate(tokens):
        space = " " if token.whitespace else ""
        phonemes += token.phonemes + space
        labels += [number] * len(token.phonemes) + [None] * len(space)
    words = [(2 * n, 2 * n + 1) for n in range(len(tokens))]
    return Transcription(phonemes, tuple(labels), tuple(words)), " ".join("x" for _ in tokens)


words_and_durations = st.lists(
    st.tuples(st.text("abcd", min_size=1, max_size=6), st.booleans()), min_size=1, max_size=8
).flatmap(
    lambda words: st.tuples(
        st.just(words),
        st.lists(st.integers(1, 20), min_size=200, max_size=200),
    )
)


@given(words_and_durations)
def test_the_formula_is_the_published_one(case: tuple[list[tuple[str, bool]], list[int]]) -> None:
    words, supply = case
    tokens = [Token(phonemes, space and n < len(words) - 1) for n, (phonemes, space) in enumerate(words)]
    spoken, text = spoken_of(tokens)
    durations = supply[: len(spoken.phonemes) + 2]
    joined(tokens, durations)
    samples = np.zeros(600 * sum(durations), np.float32)
    timed = timed_words(spoken, text, np.array(durations), samples, sample_rate=RATE)
    assert [(w.start, w.end) for w in timed] == [pytest.approx((t.start, t.end)) for t in tokens]


def test_a_space_is_halved_and_the_lead_is_left_out() -> None:
    """Ten frames of lead, two sounds of four, a space of six, one sound of eight, the end."""
    spoken = Transcription("ab c", (0, 0, None, 1), ((0, 2), (3, 4)))
    timed = timed_words(
        spoken, "ab c", np.array([10, 4, 4, 6, 8, 5]), np.zeros(600 * 37, np.float32), sample_rate=RATE
    )
    assert [(w.text, w.start, w.end) for w in timed] == [
        about("ab", 7 / 40, (7 + 8 + 3) / 40),
        about("c", 18 / 40, (18 + 3 + 8) / 40),
    ]


def test_a_word_of_several_groups_lasts_over_all_of_them() -> None:
    spoken = Transcription("a b c", (0, None, 0, None, 1), ((0, 2), (3, 4)))
    timed = timed_words(
        spoken, "12 c", np.array([3, 2, 2, 2, 2, 2, 3]), np.zeros(600 * 16, np.float32), sample_rate=RATE
    )
    assert [(w.text, w.start, w.end) for w in timed] == [
        about("12", 0.0, (2 + 2 + 2 + 1) / 40),
        about("c", 7 / 40, 10 / 40),
    ]


def test_punctuation_belongs_to_no_word() -> None:
    spoken = Transcription("a, b", (0, None, None, 1), ((0, 1), (3, 4)))
    timed = timed_words(
        spoken, "a, b", np.array([3, 4, 10, 2, 4, 3]), np.zeros(600 * 26, np.float32), sample_rate=RATE
    )
    assert (timed[0].end, timed[1].start) == about(4 / 40, (4 + 10 + 1) / 40)


def test_an_offset_moves_all_words() -> None:
    spoken = Transcription("a b", (0, None, 1), ((0, 1), (2, 3)))
    durations, samples = np.array([5, 4, 2, 4, 5]), np.zeros(600 * 20, np.float32)
    here = timed_words(spoken, "a b", durations, samples, sample_rate=RATE)
    later = timed_words(spoken, "a b", durations, samples, sample_rate=RATE, offset=2.5)
    moved = [(w.start + 2.5, w.end + 2.5) for w in here]
    assert [(w.start, w.end) for w in later] == [pytest.approx(times) for times in moved]


def test_an_estimate_shares_out_the_audible_part() -> None:
    spoken = Transcription("aaaa b", (0, 0, 0, 0, None, 1), ((0, 4), (5, 6)))
    samples = np.zeros(3 * RATE, np.float32)
    samples[RATE : 2 * RATE] = 0.5
    first, second = timed_words(spoken, "aaaa b", None, samples, sample_rate=RATE)
    assert first.start == pytest.approx(1.0)
    assert second.end == pytest.approx(2.0)
    assert first.end - first.start > 2 * (second.end - second.start)


def test_times_are_in_order_and_within_the_audio() -> None:
    spoken = Transcription("a b", (0, None, 1), ((0, 1), (2, 3)))
    timed = timed_words(
        spoken, "a b", np.array([40, 4, 2, 40, 3]), np.zeros(600 * 50, np.float32), sample_rate=RATE
    )
    assert timed[0].start <= timed[0].end <= timed[1].start <= timed[1].end <= 600 * 50 / RATE
