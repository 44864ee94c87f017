from __future__ import annotations

import numpy as np
import pytest

from tests.audio.signals import speech
from tts_hub.audio.level import Leveller
from tts_hub.audio.pcm import db_to_gain

RATE = 24_000


def gains_over(leveller: Leveller, peaks: list[float]) -> list[float]:
    gains = []
    for seed, peak in enumerate(peaks):
        gains.append(leveller.gain_db)
        leveller.measure(speech(RATE, 2, peak=peak, seed=seed))
        leveller.next_segment()
    return gains


def test_a_known_voice_is_right_from_the_start() -> None:
    assert Leveller(-19, -25.5, RATE).gain_db == 6.5


def test_an_unknown_voice_starts_untouched_and_moves_by_one_db_a_segment() -> None:
    gains = gains_over(Leveller(-19, None, RATE), [0.05] * 6)
    assert gains == [0, 1, 2, 3, 4, 5]


def test_the_gain_settles_where_the_target_is_met() -> None:
    leveller = Leveller(-19, None, RATE)
    gains_over(leveller, [0.3] * 20)
    assert leveller.measured_lufs is not None
    assert leveller.gain_db + leveller.measured_lufs == pytest.approx(-19, abs=0.05)


def test_segments_of_changing_loudness_do_not_make_it_pump() -> None:
    gains = gains_over(Leveller(-19, -20, RATE), [0.3, 0.5] * 10)
    assert max(np.abs(np.diff(gains))) <= 1
    assert np.ptp(gains[10:]) < 0.3


def test_a_wrong_known_loudness_is_corrected_step_by_step() -> None:
    gains = gains_over(Leveller(-19, -40, RATE), [0.5] * 4)
    assert gains[0] == 15
    assert gains[-1] < 15
    assert max(np.abs(np.diff(gains))) <= 1


@pytest.mark.parametrize(("known", "gain"), [(-60.0, 15.0), (0.0, -15.0)])
def test_the_gain_is_bounded(known: float, gain: float) -> None:
    assert Leveller(-19, known, RATE).gain_db == gain


def test_one_gain_applies_within_a_segment() -> None:
    leveller = Leveller(-19, -25, RATE)
    samples = speech(RATE, 1)
    leveller.measure(speech(RATE, 5, peak=1))
    assert leveller.apply(samples) == pytest.approx(samples * db_to_gain(6))
    assert leveller.apply(samples).dtype == np.float32
