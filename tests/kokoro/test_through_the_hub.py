"""Kokoro through the manager: formats, captions, estimated words, progress."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from tests.audio.decoding import decode
from tests.kokoro.tiny import FAMILIES, write_model
from tts_hub import ProgressEvent, SpeechRequest, TTSBackendManager
from tts_hub.captions import to_srt
from tts_hub.config import Config

pytestmark = pytest.mark.anyio
TEXT = "Good morning, dear listener. There are 42 of the finest voices here, and this one is mine. Listen!"


@pytest.fixture
async def hub(model_folder: Path) -> AsyncIterator[TTSBackendManager]:
    config = Config(backends={"kokoro": {"model_path": str(model_folder)}})
    async with TTSBackendManager(config) as manager:
        yield manager


@pytest.mark.parametrize("response_format", ["mp3", "opus", "wav"])
async def test_streams_encoded_with_words(hub: TTSBackendManager, response_format: str) -> None:
    events: list[ProgressEvent] = []
    request = SpeechRequest(
        TEXT, model="kokoro", voice="af_bella(2)+af_heart", response_format=response_format
    )
    async with await hub.stream(request, on_progress=events.append) as stream:
        data = [piece async for piece in stream]
    assert len(data) > 3
    samples, rate = decode(b"".join(data))
    report = stream.report
    assert len(samples) / rate == pytest.approx(report.audio_seconds, abs=0.15)
    assert [word.text for word in stream.words] == [w.strip(".,!") for w in TEXT.split()]
    assert all(TEXT[slice(*word.span)] == word.text for word in stream.words)
    assert report.segments > 2
    assert (report.backend, report.voice, report.cost) == (
        "kokoro",
        "af_bella(0.666667)+af_heart(0.333333)",
        0,
    )
    assert report.estimated_segments == ()
    assert "42 of the finest" in to_srt(stream.words, TEXT).replace("\n", " ")
    assert {event.details.get("stage") for event in events} >= {"phonemised", "spoken"}


async def test_estimated_words_are_marked(tmp_path: Path) -> None:
    folder = write_model(tmp_path, FAMILIES["ambiguous"])
    config = Config(backends={"kokoro": {"model_path": str(folder)}})
    async with (
        TTSBackendManager(config) as hub,
        await hub.stream(SpeechRequest(TEXT, model="kokoro", response_format="pcm")) as stream,
    ):
        await stream.read()
    assert len(stream.words) == len(TEXT.split())
    assert stream.report.estimated_segments == tuple(range(stream.report.segments))


async def test_the_first_piece_is_short(hub: TTSBackendManager) -> None:
    text = (
        "This is a very long first sentence that goes on and on, as some sentences do, until it ends at last."
    )
    async with await hub.generate(SpeechRequest(text, model="kokoro")) as stream:
        await anext(aiter(stream))
    async with await hub.stream(SpeechRequest(text, model="kokoro", response_format="pcm")) as whole:
        await whole.read()
    assert whole.report.segments == 2


async def test_speed_beyond_the_models_is_the_audio_services(hub: TTSBackendManager) -> None:
    lengths = {}
    for speed in (1.0, 2.0, 4.0):
        request = SpeechRequest("One two three four five six seven.", model="kokoro", speed=speed)
        async with await hub.generate(request) as stream:
            lengths[speed] = sum([len(chunk.samples) async for chunk in stream])
    assert lengths[2.0] == pytest.approx(lengths[1.0] / 2, rel=0.25)
    assert lengths[4.0] == pytest.approx(lengths[2.0] / 2, rel=0.1)


async def test_auto_takes_it_before_espeak(hub: TTSBackendManager) -> None:
    assert hub.best() == "kokoro"


async def test_openais_voices_are_mapped(hub: TTSBackendManager) -> None:
    async with await hub.generate(SpeechRequest("Hello.", model="tts-1", voice="shimmer")) as stream:
        samples = np.concatenate([chunk.samples async for chunk in stream])
    assert np.abs(samples).max() > 0.01
    assert stream.report.voice == "af_bella"
