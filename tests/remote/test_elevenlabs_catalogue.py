"""The lists of ElevenLabs: models, voices, limits, credits."""

from __future__ import annotations

import logging
from typing import Any

import anyio
import pytest
from tts_hub_remote.elevenlabs import ElevenLabsBackend
from tts_hub_remote.elevenlabs.settings import ElevenLabsSettings

from tests.remote.elevenlabs_engine import eleven
from tests.remote.elevenlabs_server import (
    GEORGE,
    KEY,
    LIBRARY,
    SARAH,
    UNLISTED,
    ElevenLabsServer,
)
from tests.remote.speaking import SETTINGS, kept, spoken
from tts_hub.errors import (
    GenerationError,
    UnknownModelError,
    UnknownVoiceError,
)

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("elevenlabs", "eleven_multilingual_v2"),
        ("eleven_flash_v2_5", "eleven_flash_v2_5"),
        ("elevenlabs/eleven_turbo_v2_5", "eleven_turbo_v2_5"),
        ("elevenlabs_flash_v2_5", "eleven_flash_v2_5"),
        ("elevenlabs_eleven_flash_v2_5", "eleven_flash_v2_5"),
    ],
)
async def test_a_model_has_several_names(elevenlabs: ElevenLabsServer, name: str, asked: str) -> None:
    await spoken(eleven(elevenlabs), model=name)
    assert elevenlabs.spoken[0]["model_id"] == asked


async def test_the_usual_model_can_be_set(elevenlabs: ElevenLabsServer) -> None:
    backend = eleven(elevenlabs, model="eleven_flash_v2_5")
    await spoken(backend)
    assert elevenlabs.spoken[0]["model_id"] == "eleven_flash_v2_5"
    assert backend.capabilities.max_chars == 40_000


async def test_the_list_of_models_goes_before_what_is_known(elevenlabs: ElevenLabsServer) -> None:
    backend = eleven(elevenlabs)
    assert backend.capabilities_for("eleven_v3").max_chars == 3_000
    assert backend.capabilities_for("eleven_next").max_chars == 10_000
    elevenlabs.ways.models[3]["maximum_text_length_per_request"] = 5_000
    await backend.load()
    assert backend.capabilities_for("eleven_v3").max_chars == 5_000
    assert backend.capabilities_for("elevenlabs/eleven_next").max_chars == 50
    assert backend.capabilities_for("eleven_next").languages == ("en",)
    assert "eleven_next" in backend.known_models()
    assert "eleven_english_sts_v2" not in backend.known_models()
    price = backend.price("eleven_next")
    assert price is not None
    assert (price.per_million_credits, price.credits_per_character) == (100, 3)
    with pytest.raises(UnknownModelError, match=r"eleven_nxt.*did you mean 'eleven_next'"):
        await spoken(backend, model="eleven_nxt")


async def test_the_longest_piece_is_that_of_the_model_unless_less_is_wanted(
    elevenlabs: ElevenLabsServer,
) -> None:
    backend = eleven(elevenlabs, max_characters=4_000)
    assert backend.capabilities_for("eleven_multilingual_v2").max_chars == 4_000
    assert backend.capabilities_for("eleven_v3").max_chars == 3_000


async def test_the_plan_sets_the_concurrency(elevenlabs: ElevenLabsServer) -> None:
    backend = eleven(elevenlabs)
    before = backend.capabilities_for("eleven_flash_v2_5").concurrency
    assert before == 2 * backend.capabilities.concurrency
    elevenlabs.ways.at_once = 9
    await spoken(backend, model="eleven_flash_v2_5")
    assert backend.capabilities_for("eleven_flash_v2_5").concurrency == 9
    assert eleven(elevenlabs, concurrency=3).capabilities_for("eleven_flash_v2_5").concurrency == 3


async def test_voices_are_listed_to_the_last_page_and_found_by_their_names(
    elevenlabs: ElevenLabsServer,
) -> None:
    elevenlabs.ways.voices += [
        {"voice_id": f"{n:020d}", "name": f"Voice {n}", "labels": {}} for n in range(230)
    ]
    backend = eleven(elevenlabs)
    voices = await backend.voices()
    assert [voice.id for voice in voices[:3]] == [GEORGE, SARAH, LIBRARY]
    assert len(voices) == 233
    assert [a.query["page_size"] for a in elevenlabs.requests("/v2/voices")] == ["100"] * 3
    assert (voices[0].gender, voices[0].language) == ("male", "")
    assert voices[0].description == "british, middle_aged, Warm resonance., premade"
    for name in ("George", "george - warm, captivating storyteller", GEORGE):
        assert (await backend.find_voice(name, None)).id == GEORGE
    assert len(elevenlabs.requests("/v2/voices")) == 3


async def test_a_list_of_voices_without_end_is_cut(elevenlabs: ElevenLabsServer) -> None:
    elevenlabs.ways.stuck_pages = True
    assert len(await eleven(elevenlabs).voices()) == 3
    assert len(elevenlabs.requests("/v2/voices")) == 2


@pytest.mark.parametrize("answer", [None, "x", {"models": []}])
async def test_what_is_no_list_of_models_is_an_error(elevenlabs: ElevenLabsServer, answer: Any) -> None:
    elevenlabs.ways.models = answer
    with pytest.raises(GenerationError, match="holds no list"):
        await eleven(elevenlabs).load()


async def test_rows_that_are_no_models_and_no_voices_are_left_out(elevenlabs: ElevenLabsServer) -> None:
    strange: Any = [3, {}, {"model_id": None, "voice_id": ""}]
    elevenlabs.ways.models += strange
    elevenlabs.ways.voices += strange
    backend = eleven(elevenlabs)
    await backend.load()
    assert len(await backend.voices()) == 3


async def test_a_service_of_another_name_has_its_own_models_and_key(
    elevenlabs: ElevenLabsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ELEVENLABS_API_KEY", "sk_of_somebody_else")
    monkeypatch.setenv("EUROPE_KEY", KEY)
    kind = ElevenLabsBackend.named("europe")
    settings = ElevenLabsSettings(**(SETTINGS | {"url": elevenlabs.url, "api_key_env": "EUROPE_KEY"}))
    assert not kind.availability(ElevenLabsSettings(url=elevenlabs.url)).ready
    backend = kept(kind(settings))
    await spoken(backend, model="europe/eleven_flash_v2_5")
    assert elevenlabs.spoken[0]["model_id"] == "eleven_flash_v2_5"
    assert "europe/eleven_v3" in backend.known_models()
    assert not any(name.startswith("eleven_") for name in backend.known_models())


async def test_the_id_of_an_unlisted_voice_is_passed_on(elevenlabs: ElevenLabsServer) -> None:
    assert await spoken(eleven(elevenlabs), voice=UNLISTED)
    with pytest.raises(UnknownVoiceError, match="0000000000000000wxyz was not found"):
        await spoken(eleven(elevenlabs), voice="0000000000000000wxyz")
    with pytest.raises(UnknownVoiceError, match="unknown voice 'Sarrah'"):
        await spoken(eleven(elevenlabs), voice="Sarrah")


async def test_a_key_that_may_only_speak_is_good_enough(elevenlabs: ElevenLabsServer) -> None:
    elevenlabs.ways.may = frozenset()
    backend = eleven(elevenlabs)
    assert await spoken(backend)
    assert elevenlabs.spoken[0]["model_id"] == "eleven_multilingual_v2"
    assert [voice.name for voice in await backend.voices()] == ["George", "Sarah"]
    assert await spoken(backend, model="eleven_next", text="Short.")


async def test_a_stand_in_that_has_no_lists_is_good_enough(elevenlabs: ElevenLabsServer) -> None:
    elevenlabs.lists = False
    assert await spoken(eleven(elevenlabs), voice="Sarah", model="eleven_flash_v2_5")


async def test_what_is_left_of_the_credits_is_logged_in_the_background(
    elevenlabs: ElevenLabsServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(eleven(elevenlabs).background)
        while "10000 credits left" not in caplog.text:
            await anyio.sleep(0.01)
        tasks.cancel_scope.cancel()


def test_it_is_not_ready_without_a_key_and_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = ElevenLabsSettings()
    assert ElevenLabsBackend.availability(settings).remedy == "export ELEVENLABS_API_KEY=..."
    monkeypatch.setenv("ELEVENLABS_API_KEY", KEY)
    assert ElevenLabsBackend.availability(settings).ready
