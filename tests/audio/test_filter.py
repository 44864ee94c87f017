from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.audio.decoding import correlation
from tests.audio.signals import cut, speech, tone
from tts_hub.audio.filter import FilterChain, Limiter, Resampler, Tempo, atempo_factors
from tts_hub.audio.pcm import db_to_gain
from tts_hub.errors import AudioError, UnsupportedOptionError
from tts_hub.types import Samples

RATE = 24_000


class Filter(Protocol):
    def process(self, samples: Samples) -> Samples: ...

    def finish(self) -> Samples: ...


def run(audio_filter: Filter, samples: Samples, sizes: list[int]) -> Samples:
    return np.concatenate([*map(audio_filter.process, cut(samples, sizes)), audio_filter.finish()])


FILTERS: dict[str, Callable[[], Filter]] = {
    "22050 to 24000": lambda: Resampler(22_050, 24_000),
    "48000 to 8000": lambda: Resampler(48_000, 8_000),
    "tempo 0.5": lambda: Tempo(0.5, RATE),
    "tempo 0.77": lambda: Tempo(0.77, RATE),
    "tempo 3": lambda: Tempo(3.0, RATE),
    "limiter": lambda: Limiter(RATE),
}


@settings(max_examples=8, deadline=None)
@given(sizes=st.lists(st.integers(1, 4_000), min_size=1, max_size=5), length=st.integers(1, 30_000))
@pytest.mark.parametrize("name", FILTERS)
def test_how_the_input_is_cut_does_not_change_the_output(name: str, sizes: list[int], length: int) -> None:
    samples = speech(RATE, 1.25, peak=1.5)[:length]
    assert np.array_equal(
        run(FILTERS[name](), samples, sizes),
        run(FILTERS[name](), samples, [length]),
    )


@settings(max_examples=20, deadline=None)
@given(
    rates=st.tuples(*[st.sampled_from([8_000, 16_000, 22_050, 24_000, 44_100, 48_000])] * 2),
    length=st.integers(0, 20_000),
)
def test_resampling_gives_the_length_that_the_rates_ask_for(rates: tuple[int, int], length: int) -> None:
    first, second = rates
    resampled = run(Resampler(first, second), tone(first, 3)[:length], [1_000])
    assert len(resampled) == -(-length * second // first)


def test_a_resampled_tone_is_the_tone_at_the_other_rate() -> None:
    resampled = run(Resampler(22_050, 24_000), tone(22_050, 1), [441])
    # The very ends have no neighbours to be computed from.
    assert np.abs(resampled - tone(24_000, 1))[50:-50].max() < 1e-4


def test_equal_rates_hand_the_same_samples_on() -> None:
    samples = tone(RATE, 0.1)
    assert Resampler(RATE, RATE).process(samples) is samples
    assert Tempo(1.0, RATE).process(samples) is samples


@pytest.mark.parametrize("tempo", [0.25, 0.5, 0.8, 1.3, 2.0, 4.0])
def test_tempo_changes_the_length_and_keeps_the_pitch(tempo: float) -> None:
    samples = tone(RATE, 2)
    stretched = run(Tempo(tempo, RATE), samples, [2_400])
    assert len(stretched) == round(len(samples) / tempo)
    spectrum = np.abs(np.fft.rfft(stretched * np.hanning(len(stretched))))
    assert np.argmax(spectrum) * RATE / len(stretched) == pytest.approx(440, abs=3)
    assert np.std(stretched) == pytest.approx(np.std(samples), rel=0.05)


@pytest.mark.parametrize("tempo", [0.25, 0.77, 4.0])
def test_even_a_short_sound_survives_a_change_of_tempo(tempo: float) -> None:
    assert np.std(run(Tempo(tempo, RATE), tone(RATE, 0.02), [480])) > 0.2


@pytest.mark.parametrize("tempo", [0.25, 0.3, 0.5, 1.0, 1.7, 2.0, 3.0, 4.0])
def test_tempo_factors_stay_in_the_good_range_of_the_filter(tempo: float) -> None:
    factors = atempo_factors(tempo)
    assert np.prod(factors) == pytest.approx(tempo)
    assert all(0.5 <= factor <= 2 for factor in factors)


@pytest.mark.parametrize("tempo", [0.2, 4.1, float("nan")])
def test_a_tempo_out_of_range_is_refused(tempo: float) -> None:
    with pytest.raises(UnsupportedOptionError, match=r"0\.25 to 4"):
        Tempo(tempo, RATE)


@pytest.mark.parametrize("rate", [8_000, 22_050, 48_000])
@pytest.mark.parametrize("gain_db", [0, 3, 12])
def test_no_sample_leaves_the_limiter_above_its_ceiling(rate: int, gain_db: float) -> None:
    loud = speech(rate, 2, peak=db_to_gain(gain_db))
    limited = run(Limiter(rate), loud, [rate // 10])
    assert len(limited) == len(loud)
    assert np.abs(limited).max() <= db_to_gain(-1) + 1e-6
    assert correlation(loud, limited) > 0.9


def test_audio_below_the_ceiling_passes_the_limiter_unchanged() -> None:
    samples = speech(RATE, 1, peak=0.85)
    assert np.array_equal(run(Limiter(RATE), samples, [1_000]), samples)


def test_limiter_holds_back_no_more_than_its_attack() -> None:
    assert len(Limiter(RATE).process(tone(RATE, 0.1))) >= 2_400 - 120


def test_a_wrong_setting_is_an_audio_error() -> None:
    with pytest.raises(AudioError, match="cannot set up"):
        FilterChain(RATE, [("atempo", "tempo=nonsense")])
