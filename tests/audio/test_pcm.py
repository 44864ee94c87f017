from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.audio.decoding import decode_s16le
from tts_hub.audio.pcm import checked, fade_in_curve, fade_out_curve, to_s16le
from tts_hub.errors import AudioError
from tts_hub.types import Samples

FINITE = st.floats(-4, 4, width=32)


@given(arrays(np.float32, st.integers(0, 200), elements=FINITE))
def test_16_bit_samples_are_the_nearest_steps_clipped_at_full_scale(samples: Samples) -> None:
    decoded = decode_s16le(to_s16le(samples))
    wanted = np.clip(samples, -1, 32_767 / 32_768)
    assert len(decoded) == len(samples)
    assert np.all(np.abs(decoded - wanted) <= 0.5 / 32_768)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_numbers_are_refused(bad: float) -> None:
    with pytest.raises(AudioError, match="not numbers"):
        to_s16le(np.array([0.0, bad, np.inf, 0.1], np.float32))


def test_only_mono_passes() -> None:
    with pytest.raises(AudioError, match=r"\(2, 3\)"):
        checked(np.zeros((2, 3)))


def test_the_two_fades_are_mirrors_that_add_up_to_one() -> None:
    rising, falling = fade_in_curve(192), fade_out_curve(192)
    assert np.all(np.diff(rising) > 0)
    assert rising[0] < 0.001
    assert np.allclose(rising + falling, 1, atol=1e-6)
