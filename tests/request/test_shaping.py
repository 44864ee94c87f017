"""What the hub makes of an engine's audio: pauses, speed, and where the words lie."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from tests.speaking import drain, hub, pitch
from tts_hub import Capabilities
from tts_hub.quality.scores.clipping import clipped_samples
from tts_hub.testing import FakeBackend
from tts_hub.types import AudioChunk, SegmentRequest

pytestmark = pytest.mark.anyio


async def test_words_lie_where_they_sound() -> None:
    """Between the words of different sentences is the pause; a fake word is 0.3 s of tone."""
    async with hub(FakeBackend(), audio={"sentence_pause": 0.5, "loudness": "off"}) as manager:
        audio = await manager.generate("One two. Three.", model="fake")
        samples = await drain(audio)
    one, two, three = audio.words
    assert one.start == pytest.approx(0.0, abs=0.02)
    assert two.end == pytest.approx(0.6, abs=0.02)
    assert three.start == pytest.approx(1.1, abs=0.03)
    gap = samples[round((two.end + 0.02) * 24_000) : round((three.start - 0.02) * 24_000)]
    assert np.abs(gap).max() < 1e-3


async def test_pause_tags_become_silence_and_are_not_spoken() -> None:
    async with hub(FakeBackend()) as manager:
        audio = await manager.generate("One. [pause:2s] Two.", model="fake")
        samples = await drain(audio)
        only = await manager.generate("One. [pause:1s]", model="fake")
        assert len(await drain(only)) / 24_000 == pytest.approx(1.3, abs=0.02)
    assert [word.text for word in audio.words] == ["One.", "Two."]
    assert len(samples) / 24_000 == pytest.approx(2.6, abs=0.03)


@pytest.mark.parametrize("speed", [0.25, 0.5, 2.0, 4.0])
async def test_speed_is_made_up_for_by_the_hub(speed: float) -> None:
    fake = FakeBackend(capabilities=Capabilities(word_timings=True, speed_range=(0.8, 1.25)))
    async with hub(fake) as manager:
        audio = await manager.generate("one two three four five six", model="fake", speed=speed, voice="mid")
        samples = await drain(audio)
    assert 0.8 <= fake.requests[0].speed <= 1.25
    assert len(samples) / 24_000 == pytest.approx(1.8 / speed, rel=0.08)
    assert pitch(samples) == pytest.approx(400, rel=0.02)
    assert audio.words[-1].end == pytest.approx(1.8 / speed, rel=0.08)


class Overshooting(FakeBackend):
    """As models do: some peaks lie beyond full scale."""

    def _chunks(self, request: SegmentRequest) -> Iterator[AudioChunk]:
        for chunk in super()._chunks(request):
            yield replace(chunk, samples=chunk.samples * np.float32(2.6))  # 0.5 * 2.6 = 1.3


@pytest.mark.parametrize("loudness", ["off", -19.0])
async def test_peaks_beyond_full_scale_are_not_cut_off(loudness: str | float) -> None:
    engine = Overshooting(name="fake")
    async with hub(engine, audio={"loudness": loudness}) as manager:
        samples = await drain(await manager.generate("One two three four.", model="fake", voice="low"))
    assert clipped_samples(samples) == 0
    assert 0.05 < np.abs(samples).max() <= 0.9
