"""Stored voices and emotions with Chatterbox: the same sound as from a folder, computed once, exact tags."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from tts_hub_chatterbox import loading
from tts_hub_chatterbox.scheduler.segment import Segment
from tts_hub_chatterbox.settings import TURBO_LOWERING, TurboOptions

from tests.speechlike import speechlike_wav
from tts_hub import TTSBackendManager
from tts_hub.config import AudioConfig, Config
from tts_hub.emotions.profile import STYLES, EmotionSettings
from tts_hub.engines.preparation import Preparation
from tts_hub.errors import InvalidRequestError
from tts_hub.types import Voice

pytestmark = pytest.mark.anyio
CLIP = speechlike_wav(5.5, 24_000, 0)


@pytest.fixture
async def hub(model_folders: dict[str, Path], tmp_path: Path) -> AsyncIterator[TTSBackendManager]:
    folder = tmp_path / "clips"
    folder.mkdir()
    (folder / "anna.wav").write_bytes(CLIP)
    settings = {
        "model_path": str(model_folders["chatterbox-nano"]),
        "voices_folder": str(folder),
        "max_speech_tokens": 12,
        "prompt_seconds": 1.0,
    }
    config = Config(audio=AudioConfig(loudness="off"), backends={"chatterbox_nano": settings})
    async with TTSBackendManager(config) as manager:
        yield manager


async def spoken(hub: TTSBackendManager, **fields: Any) -> np.ndarray[Any, Any]:
    wanted: dict[str, Any] = {"model": "chatterbox-nano", "seed": 5} | fields
    async with await hub.generate("Good morning.", **wanted) as stream:
        return np.concatenate([chunk.samples async for chunk in stream])


async def test_a_stored_voice_sounds_as_its_clip_in_a_folder(hub: TTSBackendManager) -> None:
    await hub.store.add_voice("Sarah", CLIP)
    assert np.array_equal(await spoken(hub, voice="sarah"), await spoken(hub, voice="anna"))


async def test_a_prepared_voice_is_not_computed_again(hub: TTSBackendManager) -> None:
    await hub.store.add_voice("Sarah", CLIP)
    assert await hub.prepare_voice("sarah", "chatterbox-nano") == [Preparation("chatterbox_nano")]
    assert (await hub.store.prepared_statistics()).files == 1
    with patch.object(loading, "compute_conditioning", side_effect=AssertionError):
        await spoken(hub, voice="sarah")
        await hub.unload("chatterbox_nano")
        await spoken(hub, voice="sarah")  # from the disk
    (status,) = [each for each in hub.status() if each.name == "chatterbox_nano"]
    assert status.statistics["device"] == "cpu"
    facts = ("voices_in_memory", "voices_found", "voices_computed")
    assert [status.statistics[name] for name in facts] == [1, 1, 0]


async def test_a_changed_recording_is_computed_and_the_other_stays(hub: TTSBackendManager) -> None:
    await hub.store.add_voice("Sarah", CLIP)
    await hub.prepare_voice("sarah", "chatterbox-nano")
    before = await spoken(hub, voice="sarah")
    await hub.store.add_sample("sarah", speechlike_wav(5.5, 24_000, 1))
    assert not np.array_equal(await spoken(hub, voice="sarah"), before)
    assert (await hub.store.prepared_statistics()).files == 2
    voice = await hub.store.voice("sarah")
    await hub.store.remove_sample("sarah", voice.samples[-1].id)
    assert (await hub.store.prepared_statistics()).files == 1
    assert np.array_equal(await spoken(hub, voice="sarah"), before)


async def test_dropped_voices_are_computed_again(hub: TTSBackendManager) -> None:
    await hub.store.add_voice("Sarah", CLIP)
    await hub.prepare_voice("sarah", "chatterbox-nano")
    await hub.clear_prepared()
    assert (await hub.store.prepared_statistics()).files == 0
    await spoken(hub, voice="sarah")
    assert (await hub.store.prepared_statistics()).files == 1


async def test_a_short_recording_is_refused_when_it_is_added(hub: TTSBackendManager) -> None:
    with pytest.raises(InvalidRequestError, match="more than 5 s are needed"):
        await hub.store.add_voice("Sarah", speechlike_wav(4, 24_000))


async def test_an_emotion_is_the_models_own_tag_and_temperature(hub: TTSBackendManager) -> None:
    await hub.preload("chatterbox-nano")
    settings = EmotionSettings(style="angry", exaggeration=1)
    await hub.store.add_profile(name="furious", settings=settings)
    encoded: list[str] = []

    def noted(**fields: Any) -> Any:
        encoded.append(f"{fields['text_tokens'][0]} {fields['options'].temperature}")
        return Segment(**fields)

    with patch.object(loading, "Segment", noted):
        usual = await spoken(hub)
        angry = await spoken(hub, emotion="furious")
    assert encoded[1] == "50257 1.0"  # the id of [angry] in the official vocabulary
    assert not encoded[0].startswith("5025")
    assert not np.array_equal(usual, angry)


def test_every_style_is_one_that_the_model_knows() -> None:
    for style in TURBO_LOWERING.styles:
        assert style in STYLES
        TurboOptions.model_validate(TURBO_LOWERING.styles[style])


async def test_a_voice_that_the_engine_lists_has_no_recordings(hub: TTSBackendManager) -> None:
    listed: list[Voice] = list((await hub.voices("chatterbox-nano"))["chatterbox_nano"])
    assert [voice.id for voice in listed] == ["default", "anna"]
