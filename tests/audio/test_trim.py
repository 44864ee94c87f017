from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.audio.signals import cut, padded, tone
from tts_hub.audio.pcm import silence
from tts_hub.audio.trim import Fader, SilenceTrimmer
from tts_hub.types import Samples

SOUND = np.full(100, 0.5, np.float32)


def trimmed(samples: Samples, sizes: list[int]) -> tuple[Samples, SilenceTrimmer]:
    trimmer = SilenceTrimmer(0.003, lead=10, tail=20)
    return np.concatenate([silence(0), *map(trimmer.process, cut(samples, sizes))]), trimmer


@given(
    before=st.integers(0, 60),
    inside=st.integers(0, 60),
    after=st.integers(0, 60),
    sizes=st.lists(st.integers(1, 150), min_size=1, max_size=5),
)
def test_silence_goes_at_the_ends_and_stays_inside(
    before: int, inside: int, after: int, sizes: list[int]
) -> None:
    samples = padded(np.concatenate([SOUND, silence(inside), SOUND]), before, after)
    kept, trimmer = trimmed(samples, sizes)
    wanted = padded(np.concatenate([SOUND, silence(inside), SOUND]), min(before, 10), min(after, 20))
    assert np.array_equal(kept, wanted)
    assert trimmer.dropped_lead == before - min(before, 10)
    assert trimmer.has_sound


def test_sound_is_never_held_back() -> None:
    trimmer = SilenceTrimmer(0.003, 10, 20)
    assert len(trimmer.process(padded(SOUND, 500, 0))) == 110
    assert len(trimmer.process(SOUND)) == 100


def test_silence_alone_counts_as_no_sound() -> None:
    kept, trimmer = trimmed(silence(1_000), [77])
    assert len(kept) == 0
    assert not trimmer.has_sound


@given(length=st.integers(0, 300), sizes=st.lists(st.integers(1, 150), min_size=1, max_size=5))
def test_fades_have_the_same_shape_however_the_audio_is_cut(length: int, sizes: list[int]) -> None:
    samples = tone(8_000, 1)[:length]
    fader, whole = Fader(64), Fader(64)
    pieces = np.concatenate([silence(0), *map(fader.process, cut(samples, sizes)), fader.finish()])
    assert len(pieces) == length
    assert np.array_equal(pieces, np.concatenate([whole.process(samples), whole.finish()]))


def test_a_fade_starts_and_ends_softly_and_leaves_the_middle_alone() -> None:
    fader = Fader(64)
    ones = np.ones(400, np.float32)
    faded = np.concatenate([fader.process(ones), fader.finish()])
    assert max(faded[0], faded[-1]) < 0.01
    assert np.all(np.diff(faded[:64]) > 0)
    assert np.all(faded[64:-64] == 1)
