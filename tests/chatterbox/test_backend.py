"""Chatterbox through the hub, with a whole model of random weights, as a user has it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import torch
from tts_hub_chatterbox import ChatterboxNano, ChatterboxSettings
from tts_hub_chatterbox.nets.t3 import T3
from tts_hub_chatterbox.render.watermark import Watermarker
from tts_hub_chatterbox.scheduler.loop import SpeechLoop

from tests.speechlike import speechlike_wav
from tts_hub import ProgressEvent, SpeechRequest, TTSBackendManager
from tts_hub.config import AudioConfig, Config
from tts_hub.errors import (
    GenerationError,
    InvalidRequestError,
    InvalidTextError,
    TTSHubError,
    UnsupportedOptionError,
)

pytestmark = pytest.mark.anyio
TOKENS = 12
"""Random weights never come to an end: half a second is enough."""


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def voices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("voices")
    for seed, name in enumerate(("anna", "bert")):
        (folder / f"{name}.wav").write_bytes(speechlike_wav(5.5, 24_000, seed))
    (folder / "short.wav").write_bytes(speechlike_wav(2, 24_000))
    return folder


@pytest.fixture
async def hub(model_folders: dict[str, Path], voices: Path) -> AsyncIterator[TTSBackendManager]:
    sections = {
        model.replace("-", "_"): {
            "model_path": str(folder),
            "voices_folder": str(voices),
            "max_speech_tokens": TOKENS,
            "prompt_seconds": 1.0,
            "concurrency": 3,
        }
        for model, folder in model_folders.items()
    }
    # The hub's own levelling starts from what it learnt of a voice before.
    config = Config(audio=AudioConfig(loudness="off"), backends=sections)
    async with TTSBackendManager(config) as manager:
        yield manager


def asking(text: str = "Good morning.", **fields: Any) -> SpeechRequest:
    return SpeechRequest(input=text, **{"model": "chatterbox-nano", "seed": 5, **fields})


async def spoken(hub: TTSBackendManager, request: SpeechRequest) -> np.ndarray[Any, Any]:
    async with await hub.generate(request) as stream:
        return np.concatenate([chunk.samples async for chunk in stream])


@pytest.mark.parametrize("model", ["chatterbox-turbo", "chatterbox-nano"])
async def test_speaks_with_a_watermark_and_reports_what_was_cut(hub: TTSBackendManager, model: str) -> None:
    events: list[ProgressEvent] = []
    async with await hub.generate(asking(model=model), on_progress=events.append) as stream:
        samples = np.concatenate([chunk.samples async for chunk in stream])
    report = stream.report
    assert report.model == model
    assert report.watermarked
    assert report.cut_segments == (0,)
    assert Watermarker.load().confidence(samples, stream.sample_rate) > 0.5
    progress = [event.details for event in events if event.stage == "generating"]
    progress = [details for details in progress if details["stage"] != "waiting"]  # reported on slow machines
    assert [details["speech_tokens"] for details in progress] == [1, 6, 11, 12, 12]
    assert [details["stage"] for details in progress[2:]] == ["speech tokens", "speech tokens", "audio"]
    assert any("limit" in event.message for event in events if event.stage == "segment")


async def test_a_seed_repeats_and_another_does_not(hub: TTSBackendManager) -> None:
    first, again, other = [await spoken(hub, asking(seed=seed)) for seed in (5, 5, 6)]
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


async def test_voices_at_the_same_time_do_not_mix(hub: TTSBackendManager) -> None:
    names = ("anna", "bert", "default")
    alone = [await spoken(hub, asking(voice=name)) for name in names]
    together = await asyncio.gather(*(spoken(hub, asking(voice=name)) for name in names))
    for one, other in zip(alone, together, strict=True):
        assert np.array_equal(one, other)
    assert not np.array_equal(alone[0], alone[1])


async def test_lists_voices_without_reading_a_net(hub: TTSBackendManager) -> None:
    with patch.object(T3, "__init__", side_effect=AssertionError):
        listed = (await hub.voices("chatterbox-nano"))["chatterbox_nano"]
    assert [voice.id for voice in listed] == ["default", "anna", "bert", "short"]


async def test_the_built_in_voice_answers_to_the_names_that_openai_clients_send(
    hub: TTSBackendManager,
) -> None:
    async with await hub.generate(asking(voice="nova")) as stream:
        await stream.start()
        assert stream.report.voice == "default"


async def test_a_clip_that_is_too_short_is_reported_before_any_audio(hub: TTSBackendManager) -> None:
    with pytest.raises(InvalidRequestError, match="5 s"):
        await spoken(hub, asking(voice="short"))


async def test_refuses_what_turbo_would_ignore(hub: TTSBackendManager) -> None:
    with pytest.raises(UnsupportedOptionError, match="exaggeration"):
        await spoken(hub, asking(options={"exaggeration": 0.7}))


@pytest.mark.parametrize("text", ["♫♪", "...", "— !"])
async def test_a_text_without_a_word_is_refused_and_not_made_up(hub: TTSBackendManager, text: str) -> None:
    with pytest.raises(InvalidTextError):
        await spoken(hub, asking(text))


async def test_a_lone_tag_is_a_sound(hub: TTSBackendManager) -> None:
    assert len(await spoken(hub, asking("[laugh]")))


async def test_a_text_without_a_space_is_spoken_in_pieces(hub: TTSBackendManager) -> None:
    async with await hub.generate(asking("ab" * 400)) as stream:
        assert [chunk async for chunk in stream]
    assert stream.report.complete
    assert stream.report.segments > 1


@pytest.mark.parametrize("failure", [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("oneDNN")])
async def test_a_failing_net_fails_one_request_alone(hub: TTSBackendManager, failure: Exception) -> None:
    with patch.object(T3, "step", side_effect=failure), pytest.raises(GenerationError):
        await spoken(hub, asking())
    assert len(await spoken(hub, asking()))


async def test_numbers_that_are_not_finite_are_an_error(hub: TTSBackendManager) -> None:
    with (
        patch.object(T3, "step", lambda _self, tokens, _cache, _shared: torch.full((1, 6563), torch.nan)),
        pytest.raises(GenerationError, match="finite"),
    ):
        await spoken(hub, asking())


async def test_stops_within_one_token_when_the_reader_has_gone(hub: TTSBackendManager) -> None:
    steps = 0
    begun, plain = asyncio.Event(), T3.step
    loop = asyncio.get_running_loop()

    def step(net: T3, tokens: torch.Tensor, cache: Any, shared: int) -> torch.Tensor:
        nonlocal steps
        steps += 1
        loop.call_soon_threadsafe(begun.set)
        return plain(net, tokens, cache, shared)

    await spoken(hub, asking())  # loaded
    with patch.object(T3, "step", step):
        task = asyncio.create_task(spoken(hub, asking()))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        seen = steps
        await asyncio.sleep(0.3)
    assert steps <= seen + 1 < TOKENS


async def test_a_loop_that_has_failed_is_loaded_anew(hub: TTSBackendManager) -> None:
    await spoken(hub, asking())
    with patch.object(SpeechLoop, "_drop_ended", side_effect=ValueError), pytest.raises(TTSHubError):
        await spoken(hub, asking())
    assert len(await spoken(hub, asking()))


async def test_warms_up_with_its_own_voice(model_folders: dict[str, Path]) -> None:
    settings = ChatterboxSettings(model_path=model_folders["chatterbox-nano"], max_speech_tokens=TOKENS)
    engine = ChatterboxNano(settings)
    await engine.warm_up()
    await engine.aclose()
