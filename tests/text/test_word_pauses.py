"""Word times next to silence are those of the sound."""

from __future__ import annotations

import numpy as np
import pytest

from tts_hub.text.phonemes.pauses import held_to_sound
from tts_hub.types import Samples, WordTiming

RATE = 1000
SOUND = ((0.3, 0.7), (0.72, 1.0), (1.5, 2.0))
"""Two words with a short gap between them, a pause, and a third one."""


def audio(*stretches: tuple[float, float], seconds: float = 2.5) -> Samples:
    samples = np.zeros(round(seconds * RATE), np.float32)
    for start, end in stretches:
        samples[round(start * RATE) : round(end * RATE)] = 0.5
    return samples


def held(*times: tuple[float, float], offset: float = 0.0) -> list[tuple[float, float]]:
    words = [
        WordTiming("x", start + offset, end + offset, (n, n + 1)) for n, (start, end) in enumerate(times)
    ]
    found = held_to_sound(words, audio(*SOUND), sample_rate=RATE, offset=offset)
    return [(round(word.start - offset, 3), round(word.end - offset, 3)) for word in found]


@pytest.mark.parametrize("offset", [0.0, 7.5])
@pytest.mark.parametrize("error", [-0.1, -0.03, 0.0, 0.04, 0.12])
def test_starts_behind_a_pause_and_ends_before_one_are_the_sounds(error: float, offset: float) -> None:
    first, second, third = held((0.3 + error, 0.71), (0.71, 1.3), (1.5 + error, 2.4), offset=offset)
    assert first == (0.3, 0.7)
    assert second == (0.71, 1.0)
    assert third == (1.5, 2.0)


def test_a_start_far_from_a_pause_stays() -> None:
    assert held((0.5, 0.71), (0.71, 1.0), (1.75, 2.0)) == [(0.5, 0.7), (0.71, 1.0), (1.75, 2.0)]


def test_a_word_without_a_sound_keeps_its_times_and_the_order() -> None:
    assert held((0.3, 1.1), (1.1, 1.3), (1.3, 1.4)) == [(0.3, 1.0), (1.1, 1.3), (1.3, 1.4)]


def test_a_word_that_the_start_of_its_neighbour_would_reach_into_ends_first() -> None:
    first, second = held((0.3, 1.45), (1.6, 2.0))
    assert first == (0.3, 1.0)
    assert second == (1.5, 2.0)


def test_silence_changes_nothing() -> None:
    words = (WordTiming("x", 0.1, 0.2, (0, 1)),)
    assert held_to_sound(words, audio(), sample_rate=RATE) == words
    assert held_to_sound((), audio((0, 1)), sample_rate=RATE) == ()
