"""Planted faults of sound are found: clipping, clicks, silence, loudness that wanders."""

from __future__ import annotations

import numpy as np
import pytest

from tests.audio.signals import padded, speech, tone
from tts_hub.quality.scores.clicks import STRONG, clicks
from tts_hub.quality.scores.clipping import clipped_samples
from tts_hub.quality.scores.edges import silence_at_ends, stretches
from tts_hub.quality.scores.loudness import loudness, loudness_spread
from tts_hub.types import Samples

RATE = 24_000
RATES = pytest.mark.parametrize("rate", [16_000, 22_050, 24_000, 48_000])


def test_untouched_speech_has_no_clipping() -> None:
    assert clipped_samples(speech(RATE, 2.0, peak=0.95)) == 0
    assert clipped_samples(tone(RATE, 1.0, peak=0.9)) == 0
    assert clipped_samples(np.zeros(RATE, np.float32)) == 0


@pytest.mark.parametrize("gain", [1.0, 0.4])
def test_clipped_speech_is_found_at_any_level(gain: float) -> None:
    loud = 2.5 * speech(RATE, 2.0, peak=0.9)
    found = clipped_samples(np.clip(loud, -1, 1) * np.float32(gain))
    assert found >= 0.5 * np.count_nonzero(np.abs(loud) >= 1)


def test_a_single_peak_at_full_scale_is_no_clipping() -> None:
    samples = speech(RATE, 1.0)
    samples[5_000] = 1.0
    assert clipped_samples(samples) == 0


@RATES
def test_untouched_speech_has_no_clicks(rate: int) -> None:
    found = clicks(speech(rate, 3.0), rate)
    assert found.count == 0
    assert found.strongest < STRONG


@RATES
def test_planted_clicks_are_counted(rate: int) -> None:
    samples = speech(rate, 3.0)
    for seconds in (0.7, 1.5, 2.3):
        samples[round(seconds * rate)] += 0.9
    assert clicks(samples, rate).count == 3


def test_silence_and_very_short_audio_have_no_clicks() -> None:
    assert clicks(np.zeros(RATE, np.float32), RATE).count == 0
    assert clicks(np.zeros(0, np.float32), RATE).count == 0
    assert clicks(speech(RATE, 0.01), RATE).count == 0


@RATES
def test_silence_at_the_ends(rate: int) -> None:
    samples = padded(speech(rate, 1.0), round(0.25 * rate), round(0.4 * rate))
    assert silence_at_ends(samples, rate) == pytest.approx((0.25, 0.4), abs=0.011)


def test_audio_that_is_silent_is_silence_at_both_ends() -> None:
    assert silence_at_ends(np.zeros(RATE, np.float32), RATE) == (1.0, 1.0)
    assert stretches(np.zeros(RATE, np.float32), RATE, 0.3) == []


def test_noise_far_below_speech_counts_as_silence() -> None:
    samples = padded(speech(RATE, 1.0), RATE, RATE)
    samples += np.random.default_rng(1).normal(0, 3e-4, len(samples)).astype(np.float32)
    assert silence_at_ends(samples, RATE) == pytest.approx((1.0, 1.0), abs=0.011)
    ((start, end),) = stretches(samples, RATE, 0.3)
    assert (start, end) == pytest.approx((1.0, 2.0), abs=0.011)


def at(decibels: float) -> Samples:
    return tone(RATE, 1.0, frequency=997.0, peak=10 ** (decibels / 20))


def test_loudness_and_its_spread() -> None:
    takes = [loudness(at(level), RATE) for level in (-20.0, -20.0, -26.0)]
    assert takes == pytest.approx([-23.0, -23.0, -29.0], abs=0.1)
    found = loudness_spread([take for take in takes if take is not None])
    assert found is not None
    assert found.mean == pytest.approx(-25.0, abs=0.1)
    assert found.spread == pytest.approx(5.4, abs=0.2)
    assert loudness(at(-20.0)[:2_000], RATE) is None
    assert loudness_spread([]) is None
