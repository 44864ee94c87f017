"""ElevenLabs over HTTP: what is asked, what is understood, what it costs, and how it goes wrong."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import numpy as np
import pytest
from tts_hub_espeak import EspeakBackend
from tts_hub_remote.elevenlabs import ElevenLabsBackend
from tts_hub_remote.elevenlabs.settings import ElevenLabsSettings

from tests.remote.elevenlabs_engine import eleven, words_of
from tests.remote.elevenlabs_server import (
    GEORGE,
    KEY,
    LIBRARY,
    SARAH,
    UNLISTED,
    ElevenLabsServer,
    Ways,
)
from tests.remote.serving import RATE, tone
from tests.remote.speaking import SETTINGS, TEXT, joined, kept, spoken
from tts_hub import TTSBackendManager
from tts_hub.backend import TTSBackend
from tts_hub.config import parse_config
from tts_hub.errors import (
    GenerationError,
    UnknownModelError,
    UnknownVoiceError,
    UnsupportedLanguageError,
    UnsupportedOptionError,
)
from tts_hub.testing.contract import BackendContract
from tts_hub.types import Usage

pytestmark = pytest.mark.anyio

TIMESTAMPS = f"/v1/text-to-speech/{GEORGE}/stream/with-timestamps"
THREE = "The first sentence is here. The second sentence follows it. The third one ends it."


@pytest.fixture
def server() -> Generator[ElevenLabsServer, None, None]:
    with ElevenLabsServer().serving() as service:
        yield service


class TestElevenLabs(BackendContract):
    """The contract of all engines."""

    two_voices = (GEORGE, SARAH)

    @pytest.fixture(autouse=True)
    def _served(self) -> Generator[None, None, None]:
        with ElevenLabsServer(Ways(pause=0.002)).serving() as self.service:
            yield

    def make_backend(self) -> TTSBackend:
        return eleven(self.service)


# --- what is asked ----------------------------------------------------------------------------------------


async def test_raw_samples_come_through_exactly_with_the_key_in_its_own_header(
    server: ElevenLabsServer,
) -> None:
    chunks = await spoken(eleven(server), voice=SARAH)
    exact = np.round(tone(TEXT, 700.0) * 32767) / 32768
    assert joined(chunks) == pytest.approx(exact, abs=1 / 32768)
    assert len(chunks) > 3
    assert server.spoken == [{"text": TEXT, "model_id": "eleven_multilingual_v2"}]
    asked = server.requests(f"/v1/text-to-speech/{SARAH}/stream/with-timestamps")[0]
    assert asked.query == {"output_format": "pcm_24000"}
    assert asked.headers["xi-api-key"] == KEY
    assert "authorization" not in asked.headers


@pytest.mark.parametrize("output_format", ["mp3_44100_128", "mp3_22050_32", "opus_48000_64", "pcm_16000"])
async def test_other_formats_are_decoded_as_they_arrive(server: ElevenLabsServer, output_format: str) -> None:
    chunks = await spoken(eleven(server, output_format=output_format), f"{TEXT} " * 4)
    assert sum(chunk.seconds for chunk in chunks) == pytest.approx(len(tone(f"{TEXT} " * 4)) / RATE, abs=0.15)
    assert np.abs(joined(chunks)).max() == pytest.approx(0.3, abs=0.1)
    assert len(words_of(chunks)) == 4 * len(TEXT.split())


async def test_options_speed_and_seed_are_sent_only_when_given(server: ElevenLabsServer) -> None:
    options = {
        "stability": 0.0,
        "similarity_boost": 1.0,
        "style": 0.25,
        "use_speaker_boost": False,
        "apply_text_normalization": "on",
        "apply_language_text_normalization": True,
    }
    chunks = await spoken(eleven(server), speed=1.2, seed=2**32 - 1, options=options, language="ja")
    assert server.spoken == [
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


async def test_the_language_is_told_only_to_models_that_take_it(server: ElevenLabsServer) -> None:
    backend = eleven(server)
    await spoken(backend, model="eleven_flash_v2_5", language="de-AT")
    await spoken(backend, model="eleven_multilingual_v2", language="de-AT")
    assert [body.get("language_code") for body in server.spoken] == ["de", None]


async def test_a_language_that_the_model_does_not_speak_is_refused_here(server: ElevenLabsServer) -> None:
    with pytest.raises(UnsupportedLanguageError, match=r"eleven_multilingual_v2.*'cy'.*possible: en, de"):
        await spoken(eleven(server), language="cy")
    assert await spoken(eleven(server), model="eleven_v3", language="cy")
    assert len(server.spoken) == 1


async def test_what_a_model_cannot_do_is_refused_here(server: ElevenLabsServer) -> None:
    backend = eleven(server)
    with pytest.raises(UnsupportedOptionError, match="eleven_flash_v2_5 has no style"):
        await spoken(backend, model="eleven_flash_v2_5", options={"style": 0.5})
    with pytest.raises(UnsupportedOptionError, match="seeds up to 4294967295"):
        await spoken(backend, seed=2**32)
    assert not server.spoken


async def test_the_service_can_be_told_to_keep_nothing(server: ElevenLabsServer) -> None:
    backend = eleven(server, enable_logging=False)
    await spoken(backend, "One.", request_id="r")
    await spoken(backend, "Two.", request_id="r", index=1, previous_text="One.")
    assert server.requests(TIMESTAMPS)[0].query["enable_logging"] == "false"
    assert server.spoken[1]["previous_text"] == "One."
    assert "previous_request_ids" not in server.spoken[1]


# --- models, voices, limits -------------------------------------------------------------------------------


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
async def test_a_model_has_several_names(server: ElevenLabsServer, name: str, asked: str) -> None:
    await spoken(eleven(server), model=name)
    assert server.spoken[0]["model_id"] == asked


async def test_the_usual_model_can_be_set(server: ElevenLabsServer) -> None:
    backend = eleven(server, model="eleven_flash_v2_5")
    await spoken(backend)
    assert server.spoken[0]["model_id"] == "eleven_flash_v2_5"
    assert backend.capabilities.max_chars == 40_000


async def test_the_list_of_models_goes_before_what_is_known(server: ElevenLabsServer) -> None:
    backend = eleven(server)
    assert backend.capabilities_for("eleven_v3").max_chars == 3_000
    assert backend.capabilities_for("eleven_next").max_chars == 10_000
    server.ways.models[3]["maximum_text_length_per_request"] = 5_000
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


async def test_the_longest_piece_is_that_of_the_model_unless_less_is_wanted(server: ElevenLabsServer) -> None:
    backend = eleven(server, max_characters=4_000)
    assert backend.capabilities_for("eleven_multilingual_v2").max_chars == 4_000
    assert backend.capabilities_for("eleven_v3").max_chars == 3_000


async def test_the_plan_tells_how_many_go_at_once(server: ElevenLabsServer) -> None:
    backend = eleven(server)
    before = backend.capabilities_for("eleven_flash_v2_5").concurrency
    assert before == 2 * backend.capabilities.concurrency
    server.ways.at_once = 9
    await spoken(backend, model="eleven_flash_v2_5")
    assert backend.capabilities_for("eleven_flash_v2_5").concurrency == 9
    assert eleven(server, concurrency=3).capabilities_for("eleven_flash_v2_5").concurrency == 3


async def test_voices_are_listed_to_the_last_page_and_found_by_their_names(server: ElevenLabsServer) -> None:
    server.ways.voices += [{"voice_id": f"{n:020d}", "name": f"Voice {n}", "labels": {}} for n in range(230)]
    backend = eleven(server)
    voices = await backend.voices()
    assert [voice.id for voice in voices[:3]] == [GEORGE, SARAH, LIBRARY]
    assert len(voices) == 233
    assert [a.query["page_size"] for a in server.requests("/v2/voices")] == ["100"] * 3
    assert (voices[0].gender, voices[0].language) == ("male", "")
    assert voices[0].description == "british, middle_aged, Warm resonance., premade"
    for name in ("George", "george - warm, captivating storyteller", GEORGE):
        assert (await backend.find_voice(name, None)).id == GEORGE
    assert len(server.requests("/v2/voices")) == 3


async def test_a_list_of_voices_without_end_is_cut(server: ElevenLabsServer) -> None:
    server.ways.stuck_pages = True
    assert len(await eleven(server).voices()) == 3
    assert len(server.requests("/v2/voices")) == 2


@pytest.mark.parametrize("answer", [None, "x", {"models": []}])
async def test_what_is_no_list_of_models_is_an_error(server: ElevenLabsServer, answer: Any) -> None:
    server.ways.models = answer
    with pytest.raises(GenerationError, match="holds no list"):
        await eleven(server).load()


async def test_rows_that_are_no_models_and_no_voices_are_left_out(server: ElevenLabsServer) -> None:
    strange: Any = [3, {}, {"model_id": None, "voice_id": ""}]
    server.ways.models += strange
    server.ways.voices += strange
    backend = eleven(server)
    await backend.load()
    assert len(await backend.voices()) == 3


async def test_a_service_of_another_name_has_its_own_models_and_key(
    server: ElevenLabsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ELEVENLABS_API_KEY", "sk_of_somebody_else")
    monkeypatch.setenv("EUROPE_KEY", KEY)
    kind = ElevenLabsBackend.named("europe")
    settings = ElevenLabsSettings(**(SETTINGS | {"url": server.url, "api_key_env": "EUROPE_KEY"}))
    assert not kind.availability(ElevenLabsSettings(url=server.url)).ready
    backend = kept(kind(settings))
    await spoken(backend, model="europe/eleven_flash_v2_5")
    assert server.spoken[0]["model_id"] == "eleven_flash_v2_5"
    assert "europe/eleven_v3" in backend.known_models()
    assert not any(name.startswith("eleven_") for name in backend.known_models())


async def test_the_id_of_a_voice_of_nobody_s_list_is_passed_on(server: ElevenLabsServer) -> None:
    assert await spoken(eleven(server), voice=UNLISTED)
    with pytest.raises(UnknownVoiceError, match="0000000000000000wxyz was not found"):
        await spoken(eleven(server), voice="0000000000000000wxyz")
    with pytest.raises(UnknownVoiceError, match="unknown voice 'Sarrah'"):
        await spoken(eleven(server), voice="Sarrah")


async def test_a_key_that_may_only_speak_is_good_enough(server: ElevenLabsServer) -> None:
    server.ways.may = frozenset()
    backend = eleven(server)
    assert await spoken(backend)
    assert server.spoken[0]["model_id"] == "eleven_multilingual_v2"
    assert [voice.name for voice in await backend.voices()] == ["George", "Sarah"]
    assert await spoken(backend, model="eleven_next", text="Short.")


async def test_a_stand_in_that_has_no_lists_is_good_enough(server: ElevenLabsServer) -> None:
    server.lists = False
    assert await spoken(eleven(server), voice="Sarah", model="eleven_flash_v2_5")


async def test_what_is_left_of_the_credits_is_logged_in_the_background(
    server: ElevenLabsServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(eleven(server).background)
        while "10000 credits left" not in caplog.text:
            await anyio.sleep(0.01)
        tasks.cancel_scope.cancel()


def test_it_is_not_ready_without_a_key_and_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = ElevenLabsSettings()
    assert ElevenLabsBackend.availability(settings).remedy == "export ELEVENLABS_API_KEY=..."
    monkeypatch.setenv("ELEVENLABS_API_KEY", KEY)
    assert ElevenLabsBackend.availability(settings).ready


# --- what was said before ---------------------------------------------------------------------------------


async def test_the_tone_goes_on_from_the_last_three_requests(server: ElevenLabsServer) -> None:
    backend = eleven(server)
    for index in range(5):
        await spoken(backend, f"Sentence {index}.", index=index, request_id="r", previous_text="before")
    before = [body.get("previous_request_ids") for body in server.spoken]
    assert before == [None, *(server.finished[max(0, n - 3) : n] for n in range(1, 5))]
    assert [body.get("previous_text") for body in server.spoken] == ["before", None, None, None, None]


async def test_a_request_that_is_not_finished_is_not_named(server: ElevenLabsServer) -> None:
    backend = eleven(server)
    await spoken(backend, "Nought.", index=0, request_id="r")
    server.ways.pause = 0.05
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: spoken(backend, "One." * 10, index=1, request_id="r"))
        while len(server.spoken) < 2:
            await anyio.sleep(0.005)
        await spoken(backend, "Two.", index=2, request_id="r", previous_text="One.")
    assert "previous_request_ids" not in server.spoken[2]
    assert server.spoken[2]["previous_text"] == "One."


async def test_requests_do_not_know_of_each_other_and_are_forgotten(server: ElevenLabsServer) -> None:
    backend = eleven(server)
    await spoken(backend, "One.", request_id="a")
    await spoken(backend, "Two.", request_id="b", index=1)
    backend.forget("a")
    backend.forget("never-heard-of")
    await spoken(backend, "Three.", request_id="a", index=1)
    assert not any("previous_request_ids" in body for body in server.spoken)


@pytest.mark.parametrize("model", ["eleven_v3", "eleven_v3_conversational", "eleven_v4_turbo"])
async def test_models_that_take_nothing_from_before_get_nothing(server: ElevenLabsServer, model: str) -> None:
    server.ways.models.append(server.ways.models[3] | {"model_id": model})
    backend = eleven(server)
    for index in range(2):
        await spoken(backend, index=index, request_id="r", previous_text="Before.", model=model)
    assert len(server.spoken) == 2
    assert not any({"previous_request_ids", "previous_text"} & set(body) for body in server.spoken)


# --- through the manager ----------------------------------------------------------------------------------


@asynccontextmanager
async def hub(*backends: TTSBackend, **settings: Any) -> AsyncGenerator[TTSBackendManager, None]:
    manager = TTSBackendManager(parse_config({"audio": {"loudness": "off"}} | settings), discover=False)
    for backend in backends:
        manager.register(backend)
    async with manager:
        yield manager


async def test_the_report_has_the_credits_that_the_service_counted(server: ElevenLabsServer) -> None:
    backend = eleven(server)
    async with hub(backend) as manager:
        audio = await manager.generate(THREE, model="eleven_flash_v2_5")
        async with audio:
            _ = [chunk async for chunk in audio]
        report = audio.report
    credits = sum(server.credits(body["text"], "eleven_flash_v2_5") for body in server.spoken)
    assert len(server.spoken) == 3
    assert report.cost == pytest.approx(credits * 100e-6)
    assert not report.cost_estimated
    assert [word.text for word in audio.words] == THREE.replace(".", "").split()


async def test_usage_is_told_with_the_audio(server: ElevenLabsServer) -> None:
    assert (await spoken(eleven(server), model="eleven_flash_v2_5"))[0].usage == Usage(credits=13)


async def test_prices_of_the_config_go_before_the_built_in_ones(server: ElevenLabsServer) -> None:
    backend = eleven(server, prices={"eleven_v3": {"per_million_credits": 7}, "eleven_x": {}})
    price = backend.price("elevenlabs/eleven_v3")
    assert price is not None
    assert price.per_million_credits == 7
    built_in = backend.price("eleven_flash_v2_5")
    assert built_in is not None
    assert (built_in.per_million_credits, built_in.credits_per_character) == (100, 0.5)
    assert built_in.source
    assert built_in.checked is not None


async def test_another_engine_goes_on_at_the_sentence_that_failed(server: ElevenLabsServer) -> None:
    backend = eleven(server, concurrency=1)
    async with hub(backend, EspeakBackend()) as manager:
        audio = await manager.generate(THREE, model="elevenlabs", fallback=["espeak"])
        async with audio:
            async for _ in audio:
                if not server.faults.statuses and not server.faults.refuse_connections:
                    server.faults.refuse_connections = True
        report = audio.report
    assert report.complete
    assert report.backend == "espeak"
    change = report.fallbacks[0]
    assert (change.failed, change.continued, change.kind) == ("elevenlabs", "espeak", "engine_unavailable")
    assert change.segment > 0
    assert [word.text for word in audio.words] == THREE.replace(".", "").split()
