"""ElevenLabs over HTTP: requests, the tone between segments, and the manager."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import numpy as np
import pytest
from tts_hub_espeak import EspeakBackend

from tests.remote.elevenlabs_engine import eleven, words_of
from tests.remote.elevenlabs_server import (
    GEORGE,
    KEY,
    SARAH,
    ElevenLabsServer,
    Ways,
)
from tests.remote.serving import RATE, tone
from tests.remote.speaking import TEXT, joined, spoken
from tts_hub import TTSBackendManager
from tts_hub.backend import TTSBackend
from tts_hub.config import parse_config
from tts_hub.errors import (
    UnsupportedLanguageError,
    UnsupportedOptionError,
)
from tts_hub.testing.contract import BackendContract
from tts_hub.types import Usage

pytestmark = pytest.mark.anyio

TIMESTAMPS = f"/v1/text-to-speech/{GEORGE}/stream/with-timestamps"
THREE = "The first sentence is here. The second sentence follows it. The third one ends it."


class TestElevenLabs(BackendContract):
    """The contract of all engines."""

    two_voices = (GEORGE, SARAH)

    @pytest.fixture(autouse=True)
    def _served(self) -> Generator[None, None, None]:
        with ElevenLabsServer(Ways(pause=0.002)).serving() as self.service:
            yield

    def make_backend(self) -> TTSBackend:
        return eleven(self.service)


# --- requests ----------------------------------------------------------------------------------------


async def test_raw_samples_come_through_exactly_with_the_key_in_its_own_header(
    elevenlabs: ElevenLabsServer,
) -> None:
    chunks = await spoken(eleven(elevenlabs), voice=SARAH)
    exact = np.round(tone(TEXT, 700.0) * 32767) / 32768
    assert joined(chunks) == pytest.approx(exact, abs=1 / 32768)
    assert len(chunks) > 3
    assert elevenlabs.spoken == [{"text": TEXT, "model_id": "eleven_multilingual_v2"}]
    asked = elevenlabs.requests(f"/v1/text-to-speech/{SARAH}/stream/with-timestamps")[0]
    assert asked.query == {"output_format": "pcm_24000"}
    assert asked.headers["xi-api-key"] == KEY
    assert "authorization" not in asked.headers


@pytest.mark.parametrize("output_format", ["mp3_44100_128", "mp3_22050_32", "opus_48000_64", "pcm_16000"])
async def test_other_formats_are_decoded_as_they_arrive(
    elevenlabs: ElevenLabsServer, output_format: str
) -> None:
    chunks = await spoken(eleven(elevenlabs, output_format=output_format), f"{TEXT} " * 4)
    assert sum(chunk.seconds for chunk in chunks) == pytest.approx(len(tone(f"{TEXT} " * 4)) / RATE, abs=0.15)
    assert np.abs(joined(chunks)).max() == pytest.approx(0.3, abs=0.1)
    assert len(words_of(chunks)) == 4 * len(TEXT.split())


async def test_options_speed_and_seed_are_sent_only_when_given(elevenlabs: ElevenLabsServer) -> None:
    options = {
        "stability": 0.0,
        "similarity_boost": 1.0,
        "style": 0.25,
        "use_speaker_boost": False,
        "apply_text_normalization": "on",
        "apply_language_text_normalization": True,
    }
    chunks = await spoken(eleven(elevenlabs), speed=1.2, seed=2**32 - 1, options=options, language="ja")
    assert elevenlabs.spoken == [
        {
            "text": TEXT,
            "model_id": "eleven_multilingual_v2",
            "voice_settings": {
                "stability": 0.0,
                "similarity_boost": 1.0,
                "style": 0.25,
                "use_speaker_boost": False,
                "speed": 1.2,
            },
            "seed": 2**32 - 1,
            "apply_text_normalization": "on",
            "apply_language_text_normalization": True,
        }
    ]
    assert sum(chunk.seconds for chunk in chunks) == pytest.approx(len(tone(TEXT)) / RATE / 1.2, abs=0.01)


async def test_the_language_is_sent_only_to_models_that_take_it(elevenlabs: ElevenLabsServer) -> None:
    backend = eleven(elevenlabs)
    await spoken(backend, model="eleven_flash_v2_5", language="de-AT")
    await spoken(backend, model="eleven_multilingual_v2", language="de-AT")
    assert [body.get("language_code") for body in elevenlabs.spoken] == ["de", None]


async def test_a_language_that_the_model_does_not_speak_is_refused_here(elevenlabs: ElevenLabsServer) -> None:
    with pytest.raises(UnsupportedLanguageError, match=r"eleven_multilingual_v2.*'cy'.*possible: en, de"):
        await spoken(eleven(elevenlabs), language="cy")
    assert await spoken(eleven(elevenlabs), model="eleven_v3", language="cy")
    assert len(elevenlabs.spoken) == 1


async def test_what_a_model_cannot_do_is_refused_here(elevenlabs: ElevenLabsServer) -> None:
    backend = eleven(elevenlabs)
    with pytest.raises(UnsupportedOptionError, match="eleven_flash_v2_5 has no style"):
        await spoken(backend, model="eleven_flash_v2_5", options={"style": 0.5})
    with pytest.raises(UnsupportedOptionError, match="seeds up to 4294967295"):
        await spoken(backend, seed=2**32)
    assert not elevenlabs.spoken


async def test_logging_at_the_service_can_be_switched_off(elevenlabs: ElevenLabsServer) -> None:
    backend = eleven(elevenlabs, enable_logging=False)
    await spoken(backend, "One.", request_id="r")
    await spoken(backend, "Two.", request_id="r", index=1, previous_text="One.")
    assert elevenlabs.requests(TIMESTAMPS)[0].query["enable_logging"] == "false"
    assert elevenlabs.spoken[1]["previous_text"] == "One."
    assert "previous_request_ids" not in elevenlabs.spoken[1]


# --- the speech before ---------------------------------------------------------------------------------


async def test_the_tone_continues_from_the_last_three_requests(elevenlabs: ElevenLabsServer) -> None:
    backend = eleven(elevenlabs)
    for index in range(5):
        await spoken(backend, f"Sentence {index}.", index=index, request_id="r", previous_text="before")
    before = [body.get("previous_request_ids") for body in elevenlabs.spoken]
    assert before == [None, *(elevenlabs.finished[max(0, n - 3) : n] for n in range(1, 5))]
    assert [body.get("previous_text") for body in elevenlabs.spoken] == ["before", None, None, None, None]


async def test_a_request_that_is_not_finished_is_not_named(elevenlabs: ElevenLabsServer) -> None:
    backend = eleven(elevenlabs)
    await spoken(backend, "Nought.", index=0, request_id="r")
    elevenlabs.ways.pause = 0.05
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: spoken(backend, "One." * 10, index=1, request_id="r"))
        while len(elevenlabs.spoken) < 2:
            await anyio.sleep(0.005)
        await spoken(backend, "Two.", index=2, request_id="r", previous_text="One.")
    assert "previous_request_ids" not in elevenlabs.spoken[2]
    assert elevenlabs.spoken[2]["previous_text"] == "One."


async def test_requests_do_not_know_of_each_other_and_are_forgotten(elevenlabs: ElevenLabsServer) -> None:
    backend = eleven(elevenlabs)
    await spoken(backend, "One.", request_id="a")
    await spoken(backend, "Two.", request_id="b", index=1)
    backend.forget("a")
    backend.forget("never-heard-of")
    await spoken(backend, "Three.", request_id="a", index=1)
    assert not any("previous_request_ids" in body for body in elevenlabs.spoken)


@pytest.mark.parametrize("model", ["eleven_v3", "eleven_v3_conversational", "eleven_v4_turbo"])
async def test_models_that_take_nothing_from_before_get_nothing(
    elevenlabs: ElevenLabsServer, model: str
) -> None:
    elevenlabs.ways.models.append(elevenlabs.ways.models[3] | {"model_id": model})
    backend = eleven(elevenlabs)
    for index in range(2):
        await spoken(backend, index=index, request_id="r", previous_text="Before.", model=model)
    assert len(elevenlabs.spoken) == 2
    assert not any({"previous_request_ids", "previous_text"} & set(body) for body in elevenlabs.spoken)


# --- through the manager ----------------------------------------------------------------------------------


@asynccontextmanager
async def hub(*backends: TTSBackend, **settings: Any) -> AsyncGenerator[TTSBackendManager, None]:
    manager = TTSBackendManager(parse_config({"audio": {"loudness": "off"}} | settings), discover=False)
    for backend in backends:
        manager.register(backend)
    async with manager:
        yield manager


async def test_the_report_has_the_credits_that_the_service_counted(elevenlabs: ElevenLabsServer) -> None:
    backend = eleven(elevenlabs)
    async with hub(backend) as manager:
        audio = await manager.generate(THREE, model="eleven_flash_v2_5")
        async with audio:
            _ = [chunk async for chunk in audio]
        report = audio.report
    credits = sum(elevenlabs.credits(body["text"], "eleven_flash_v2_5") for body in elevenlabs.spoken)
    assert len(elevenlabs.spoken) == 3
    assert report.cost == pytest.approx(credits * 100e-6)
    assert not report.cost_estimated
    assert [word.text for word in audio.words] == THREE.replace(".", "").split()


async def test_usage_is_reported_with_the_audio(elevenlabs: ElevenLabsServer) -> None:
    assert (await spoken(eleven(elevenlabs), model="eleven_flash_v2_5"))[0].usage == Usage(credits=13)


async def test_prices_of_the_config_go_before_the_built_in_ones(elevenlabs: ElevenLabsServer) -> None:
    backend = eleven(elevenlabs, prices={"eleven_v3": {"per_million_credits": 7}, "eleven_x": {}})
    price = backend.price("elevenlabs/eleven_v3")
    assert price is not None
    assert price.per_million_credits == 7
    built_in = backend.price("eleven_flash_v2_5")
    assert built_in is not None
    assert (built_in.per_million_credits, built_in.credits_per_character) == (100, 0.5)
    assert built_in.source
    assert built_in.checked is not None


async def test_another_engine_continues_at_the_sentence_that_failed(elevenlabs: ElevenLabsServer) -> None:
    backend = eleven(elevenlabs, concurrency=1)
    async with hub(backend, EspeakBackend()) as manager:
        audio = await manager.generate(THREE, model="elevenlabs", fallback=["espeak"])
        async with audio:
            async for _ in audio:
                if not elevenlabs.faults.statuses and not elevenlabs.faults.refuse_connections:
                    elevenlabs.faults.refuse_connections = True
        report = audio.report
    assert report.complete
    assert report.backend == "espeak"
    change = report.fallbacks[0]
    assert (change.failed, change.continued, change.kind) == ("elevenlabs", "espeak", "engine_unavailable")
    assert change.segment > 0
    assert [word.text for word in audio.words] == THREE.replace(".", "").split()
