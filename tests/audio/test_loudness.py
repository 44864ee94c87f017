from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyloudnorm
import pytest

from tests.audio.signals import cut, padded, speech, tone
from tts_hub.audio.loudness import LoudnessMeter
from tts_hub.types import Samples


def noise(rate: int, seconds: float) -> Samples:
    return (0.1 * np.random.default_rng(1).standard_normal(round(rate * seconds))).astype(np.float32)


def measured(samples: Samples, rate: int, sizes: list[int]) -> float | None:
    meter = LoudnessMeter(rate)
    for piece in cut(samples, sizes):
        meter.add(piece)
    return meter.lufs


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 24_000, 44_100, 48_000])
@pytest.mark.parametrize("signal", [speech, noise, tone])
def test_it_agrees_with_the_reference_implementation(
    signal: Callable[[int, float], Samples], rate: int
) -> None:
    samples = signal(rate, 6)
    reference = pyloudnorm.Meter(rate).integrated_loudness(samples.astype(np.float64))
    assert measured(samples, rate, [rate // 50]) == pytest.approx(reference, abs=0.2)


def test_pauses_and_soft_passages_are_gated_out() -> None:
    loud, soft = speech(24_000, 4), speech(24_000, 4, peak=0.02)
    samples = np.concatenate([padded(loud, 48_000, 48_000), soft])
    reference = pyloudnorm.Meter(24_000).integrated_loudness(samples.astype(np.float64))
    alone = measured(loud, 24_000, [2_400])
    assert alone is not None
    assert measured(samples, 24_000, [777]) == pytest.approx(reference, abs=0.2)
    assert measured(samples, 24_000, [777]) == pytest.approx(alone, abs=0.5)


def test_a_full_scale_sine_is_at_minus_3() -> None:
    samples = tone(48_000, 3, frequency=997, peak=1)
    assert measured(samples, 48_000, [4_800]) == pytest.approx(-3.01, abs=0.05)


def test_chunks_do_not_change_the_value() -> None:
    samples = speech(22_050, 3)
    assert measured(samples, 22_050, [1, 999, 4_000]) == measured(samples, 22_050, [len(samples)])


@pytest.mark.parametrize(
    "samples", [tone(24_000, 0.39), np.zeros(96_000, np.float32), np.zeros(0, np.float32)]
)
def test_less_than_400_ms_of_sound_has_no_loudness(samples: Samples) -> None:
    assert measured(samples, 24_000, [2_400]) is None


def test_400_ms_have_one() -> None:
    assert measured(tone(24_000, 0.4), 24_000, [2_400]) is not None
