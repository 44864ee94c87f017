from __future__ import annotations

import numpy as np
import pytest

from tests.audio.signals import cut, padded, speech
from tts_hub.audio.level import Leveller
from tts_hub.audio.loudness import LoudnessMeter
from tts_hub.audio.pcm import db_to_gain, silence
from tts_hub.types import Samples

RATE = 24_000


def say(leveller: Leveller, samples: Samples, sizes: list[int] | None = None) -> Samples:
    """One segment through the leveller."""
    pieces = [leveller.process(piece) for piece in cut(samples, sizes or [2_400])]
    return np.concatenate([*pieces, leveller.end_segment()])


def gains_over(leveller: Leveller, peaks: list[float]) -> list[float]:
    gains = []
    for seed, peak in enumerate(peaks):
        say(leveller, speech(RATE, 2, peak=peak, seed=seed))
        gains.append(leveller.gain_db)
        leveller.next_segment()
    return gains


def test_a_known_voice_is_right_from_the_start() -> None:
    assert Leveller(-19, -25.5, RATE).gain_db == 6.5


@pytest.mark.parametrize("peak", [0.03, 0.2, 1.0])
@pytest.mark.parametrize("seconds", [0.15, 0.3, 0.7, 3.0])
def test_an_unknown_voice_is_about_right_from_its_first_moments(peak: float, seconds: float) -> None:
    whole = LoudnessMeter(RATE)
    whole.add(speech(RATE, 3, peak=peak))
    assert whole.lufs is not None
    leveller = Leveller(-19, None, RATE)
    say(leveller, padded(speech(RATE, seconds, peak=peak), 9_000, 500))
    assert leveller.gain_db == pytest.approx(-19 - whole.lufs, abs=1 if seconds > 0.5 else 4)


@pytest.mark.parametrize("seconds", [0.0, 0.2, 0.5, 2.0])
def test_an_unknown_voice_comes_out_the_same_however_it_is_cut(seconds: float) -> None:
    samples = padded(speech(RATE, 2)[: round(seconds * RATE)], 30_001, 7_000)
    outputs = [
        [say(leveller, samples, sizes) for _ in range(2)]
        for sizes in ([1_000], [7, 5_000], [len(samples)])
        for leveller in [Leveller(-19, None, RATE)]
    ]
    for one, two in outputs:
        assert len(one) == len(two) == len(samples)
        assert np.array_equal(one, outputs[-1][0])
        assert np.array_equal(two, outputs[-1][1])


def test_silence_before_the_first_sound_is_not_held_back() -> None:
    leveller = Leveller(-19, None, RATE)
    assert len(leveller.process(silence(10 * RATE))) == 10 * RATE
    assert len(leveller.process(speech(RATE, 0.5))) == 0
    assert len(leveller.process(silence(3 * RATE))) == 3.5 * RATE


def test_soft_noise_before_the_voice_does_not_count() -> None:
    quiet = (1e-3 * np.random.default_rng(1).standard_normal(RATE // 2)).astype(np.float32)
    with_noise, without = (Leveller(-19, None, RATE) for _ in range(2))
    say(with_noise, np.concatenate([quiet, speech(RATE, 1)]))
    say(without, speech(RATE, 1))
    assert with_noise.gain_db == pytest.approx(without.gain_db, abs=0.5)


def test_the_second_segment_may_correct_more_than_later_ones() -> None:
    leveller = Leveller(-19, None, RATE)
    say(leveller, np.concatenate([speech(RATE, 0.6, peak=0.05), speech(RATE, 3)]))
    first = leveller.gain_db
    leveller.next_segment()
    assert [gain - first for gain in gains_over(leveller, [0.5] * 3)] == pytest.approx([-3, -4, -5])


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
    assert gains[0] == 21
    assert gains[-1] < 21
    assert max(np.abs(np.diff(gains))) <= 1


@pytest.mark.parametrize(("known", "gain"), [(-60.0, 24.0), (9.0, -24.0)])
def test_the_gain_is_bounded(known: float, gain: float) -> None:
    assert Leveller(-19, known, RATE).gain_db == gain


def test_one_gain_applies_within_a_segment() -> None:
    leveller = Leveller(-19, -25, RATE)
    leveller.process(speech(RATE, 5, peak=1))
    samples = speech(RATE, 1)
    assert leveller.process(samples) == pytest.approx(samples * db_to_gain(6))
    assert leveller.process(samples).dtype == np.float32
