"""OpenAI's speech API and its dialects: requests, answers, lists of voices, errors."""

from __future__ import annotations

import logging
from collections.abc import Generator
from typing import Any

import numpy as np
import pytest
from tts_hub_remote import OpenAIBackend
from tts_hub_remote.openai.voices import voices_of

from tests.remote.openai_server import Events, KokoroServer, OpenAIServer, Ways
from tests.remote.serving import RATE, tone
from tests.remote.speaking import EXACT, TEXT, engine, joined, kept, spoken
from tts_hub.backend import TTSBackend
from tts_hub.errors import (
    BackendUnavailableError,
    GenerationError,
    RateLimitedError,
    TextTooLongError,
    UnknownModelError,
    UnknownVoiceError,
    UnsupportedFormatError,
)
from tts_hub.progress import ProgressEvent
from tts_hub.testing.contract import BackendContract
from tts_hub.types import Usage

pytestmark = pytest.mark.anyio


class TestPlainServer(BackendContract):
    """A server about which nothing is known."""

    two_voices = ("alloy", "nova")

    @pytest.fixture(autouse=True)
    def _served(self) -> Generator[None, None, None]:
        ways = Ways(voices={"voices": ["alloy", "nova"]}, pitches={"nova": 700.0}, pause=0.002)
        with OpenAIServer(ways).serving() as self.service:
            yield

    def make_backend(self) -> TTSBackend:
        return engine(self.service.url)


class TestKokoroServer(BackendContract):
    """Kokoro-FastAPI."""

    two_voices = ("af_heart", "af_bella")

    @pytest.fixture(autouse=True)
    def _served(self) -> Generator[None, None, None]:
        with KokoroServer(Ways(pitches={"af_bella": 700.0}, pause=0.002)).serving() as self.service:
            yield

    def make_backend(self) -> TTSBackend:
        return engine(self.service.url, native_speed=False)


async def test_raw_samples_are_asked_for_and_come_through_exactly(plain: OpenAIServer) -> None:
    backend = engine(plain.url)
    chunks = await spoken(backend, voice="nova")
    exact = np.round(tone(TEXT, 700.0) * 32767) / 32768
    assert joined(chunks) == pytest.approx(exact, abs=1 / 32768)
    asked = plain.requests("/v1/audio/speech")[0].json
    assert asked == {"model": "tts-1", "input": TEXT, "voice": "nova", "response_format": "pcm"}


@pytest.mark.parametrize("format_name", ["wav", "flac", "opus", "mp3", "aac"])
async def test_every_format_is_decoded_as_it_arrives(plain: OpenAIServer, format_name: str) -> None:
    backend = engine(plain.url, formats=(format_name,))
    chunks = await spoken(backend, TEXT * 4)
    seconds = sum(chunk.seconds for chunk in chunks)
    assert seconds == pytest.approx(len(tone(TEXT * 4)) / RATE, abs=0.15)
    assert len(chunks) > 3
    assert np.abs(joined(chunks)).max() == pytest.approx(0.3, abs=0.1)


@pytest.mark.parametrize("format_name", ["wav", "flac", "opus", "mp3", "aac"])
async def test_a_server_that_sends_another_format_than_asked_is_understood(
    plain: OpenAIServer, format_name: str
) -> None:
    plain.ways.always = format_name
    chunks = await spoken(engine(plain.url))
    assert sum(chunk.seconds for chunk in chunks) == pytest.approx(len(tone(TEXT)) / RATE, abs=0.15)


@pytest.mark.parametrize("events", ["openai", "travisvn", "vllm", "mistral"])
async def test_events_of_all_dialects_are_audio(plain: OpenAIServer, events: Events) -> None:
    plain.ways.events = events
    chunks = await spoken(engine(plain.url, stream_format="sse"))
    assert joined(chunks) == pytest.approx(tone(TEXT), abs=EXACT)
    assert plain.requests("/v1/audio/speech")[0].json["stream_format"] == "sse"


async def test_unrequested_events_are_understood_too(plain: OpenAIServer) -> None:
    plain.ways.events, plain.ways.events_unasked = "openai", True
    assert joined(await spoken(engine(plain.url))) == pytest.approx(tone(TEXT), abs=EXACT)


async def test_a_refused_format_gives_way_to_the_next_and_is_not_asked_for_again(plain: OpenAIServer) -> None:
    plain.ways.formats = ("wav", "mp3")
    backend = engine(plain.url)
    await spoken(backend)
    await spoken(backend)
    asked = [a.json["response_format"] for a in plain.requests("/v1/audio/speech")]
    assert asked == ["pcm", "wav", "wav"]


async def test_a_server_that_takes_none_of_the_formats_is_an_error(plain: OpenAIServer) -> None:
    plain.ways.formats = ()
    with pytest.raises(UnsupportedFormatError, match="Input should be"):
        await spoken(engine(plain.url))


async def test_what_a_server_can_do_is_asked_once(plain: OpenAIServer) -> None:
    backend = engine(plain.url)
    for _ in range(3):
        await spoken(backend)
    assert len(plain.requests("/v1/models")) == 1
    assert len(plain.requests("/v1/audio/voices")) == 1


@pytest.mark.parametrize(
    "answer",
    [
        {"voices": [{"id": "a", "name": "A"}, {"id": "b", "name": "B"}]},
        {"voices": ["a", "b"]},
        {"status": "ok", "voices": ["a", "b"]},
        {"voices": [{"name": "a", "aliases": ["x"]}, {"name": "b"}], "count": 2},
        {"voices": [{"voice_id": "a", "name": "A"}, {"voice_id": "b", "name": "B"}], "has_more": False},
        ["a", "b", "a"],
    ],
)
def test_every_shape_of_a_voice_list_is_read(answer: Any) -> None:
    assert [voice.id for voice in voices_of(answer)] == ["a", "b"]


@pytest.mark.parametrize("answer", [None, 3, {}, {"voices": None}, {"voices": [3, {}]}, "a"])
def test_what_is_no_voice_list_has_no_voices(answer: Any) -> None:
    assert voices_of(answer) == []


async def test_the_other_place_for_voices_is_found(plain: OpenAIServer) -> None:
    plain.ways.voices_path = "/v1/voices"
    assert [voice.id for voice in await engine(plain.url).voices()] == ["alloy", "nova"]


async def test_without_a_list_every_voice_is_passed_on(plain: OpenAIServer) -> None:
    plain.ways.voices = None
    plain.ways.models = None
    backend = engine(plain.url)
    await spoken(backend, voice="Emily.wav")
    await spoken(backend)
    assert [a.json["voice"] for a in plain.requests("/v1/audio/speech")] == ["Emily.wav", "alloy"]


async def test_a_voice_that_is_not_in_the_list_is_refused_here(plain: OpenAIServer) -> None:
    with pytest.raises(UnknownVoiceError, match="did you mean 'nova'"):
        await spoken(engine(plain.url), voice="novo")
    assert not plain.requests("/v1/audio/speech")


async def test_a_model_is_named_behind_a_slash(plain: OpenAIServer) -> None:
    backend = engine(plain.url)
    await spoken(backend, model="openai/tts-1")
    assert plain.requests("/v1/audio/speech")[0].json["model"] == "tts-1"
    assert "openai/tts-1" in backend.known_models()
    with pytest.raises(UnknownModelError, match=r"tts-9.*tts-1"):
        await spoken(backend, model="openai/tts-9")


async def test_fields_that_only_this_server_knows_are_sent(plain: OpenAIServer) -> None:
    backend = engine(plain.url, fields={"exaggeration": 0.7, "seed": 1})
    await spoken(backend, options={"fields": {"seed": 7}})
    asked = plain.requests("/v1/audio/speech")[0].json
    assert (asked["exaggeration"], asked["seed"]) == (0.7, 7)


# --- Kokoro-FastAPI ---------------------------------------------------------------------------------------


async def test_words_of_kokoro_stand_on_the_text_as_it_was_written(kokoro: KokoroServer) -> None:
    text = "Give me 42 apples, please!"
    chunks = await spoken(engine(kokoro.url), text)
    words = [word for chunk in chunks for word in chunk.words]
    assert [word.text for word in words] == ["Give", "me", "42", "apples", "please"]
    for word in words:
        assert text[slice(*word.span)] == word.text
        assert word.start == pytest.approx(0.06 * word.span[0])
        assert word.end >= 0.06 * word.span[1] - 1e-9


async def test_voices_of_kokoro_have_languages_and_can_be_mixed(kokoro: KokoroServer) -> None:
    backend = engine(kokoro.url)
    voices = {voice.id: voice for voice in await backend.voices()}
    assert voices["bm_george"].language == "en-GB"
    assert voices["jf_alpha"].gender == "female"
    await spoken(backend, voice="af_bella(2)+af_heart(1)")
    assert kokoro.requests("/dev/captioned_speech")[0].json["voice"] == "af_bella(2)+af_heart(1)"


async def test_a_kokoro_without_captions_is_asked_the_usual_way(kokoro: KokoroServer) -> None:
    kokoro.ways.captions = False
    backend = engine(kokoro.url)
    assert joined(await spoken(backend)) == pytest.approx(tone(TEXT), abs=EXACT)
    await spoken(backend)
    assert len(kokoro.requests("/dev/captioned_speech")) == 1
    assert not backend.capabilities.word_timings


# --- OpenAI itself ----------------------------------------------------------------------------------------


def official(service: OpenAIServer, **settings: Any) -> OpenAIBackend:
    service.ways.events = "openai"
    return engine(service.url, dialect="openai", api_key="sk-secret", **settings)


async def test_openai_streams_events_and_reports_its_usage(plain: OpenAIServer) -> None:
    plain.ways.key = "sk-secret"
    backend = official(plain)
    chunks = await spoken(backend, instructions="Whisper.")
    assert chunks[-1].usage == Usage(text_tokens=6, audio_tokens=39)
    asked = plain.requests("/v1/audio/speech")[0].json
    assert (asked["model"], asked["stream_format"]) == ("gpt-4o-mini-tts", "sse")
    assert asked["instructions"] == "Whisper."


async def test_openai_s_older_models_get_neither_events_nor_instructions(plain: OpenAIServer) -> None:
    backend = official(plain)
    await spoken(backend, model="openai/tts-1", instructions="Whisper.")
    asked = plain.requests("/v1/audio/speech")[0].json
    assert not {"stream_format", "instructions"} & set(asked)
    assert not backend.capabilities_for("openai/tts-1").instructions
    assert backend.capabilities_for("openai/gpt-4o-mini-tts").instructions
    assert backend.capabilities_for("openai/tts-1").max_chars == 4096
    assert backend.capabilities_for("openai").max_chars == 2000


async def test_a_voice_that_a_model_of_openai_lacks_is_refused_here(plain: OpenAIServer) -> None:
    with pytest.raises(UnknownVoiceError, match="tts-1 has no voice 'ballad'"):
        await spoken(official(plain), model="openai/tts-1", voice="ballad")
    await spoken(official(plain), voice="ballad")


async def test_custom_voices_of_openai_are_objects(plain: OpenAIServer) -> None:
    await spoken(official(plain), voice="voice_123")
    assert plain.requests("/v1/audio/speech")[0].json["voice"] == {"id": "voice_123"}


async def test_the_end_of_openai_s_models_is_announced_ahead_of_time(plain: OpenAIServer) -> None:
    events: list[ProgressEvent] = []
    await spoken(official(plain), on_progress=events.append)
    notices = [event.message for event in events if event.stage == "notice"]
    assert len(notices) == 1
    assert "shuts gpt-4o-mini-tts down" in notices[0]
    assert "2027-01-06" in notices[0]


async def test_prices_of_openai_are_known_and_the_config_goes_before_them(plain: OpenAIServer) -> None:
    price = official(plain).price("openai/tts-1-hd")
    assert price is not None
    assert price.per_million_characters == 30
    assert price.source.startswith("https://")
    assert price.checked is not None
    cheap = official(plain, prices={"*": {"per_million_characters": 1}}).price("openai/tts-1-hd")
    assert cheap is not None
    assert cheap.per_million_characters == 1


def test_openai_is_not_ready_without_a_key_and_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = OpenAIBackend.Settings()
    assert not OpenAIBackend.availability(settings).ready
    assert "OPENAI_API_KEY" in OpenAIBackend.availability(settings).remedy
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    assert OpenAIBackend.availability(settings).ready


async def test_a_key_is_never_logged_and_goes_only_where_it_belongs(
    plain: OpenAIServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-openai")
    plain.ways.key = "sk-of-the-box"
    other = OpenAIBackend.named("my-box")
    backend = kept(other(other.Settings(url=plain.url, api_key="sk-of-the-box")))  # type: ignore[call-arg]
    await spoken(backend)
    with pytest.raises(BackendUnavailableError) as wrong:
        await spoken(kept(other(other.Settings(url=plain.url))))  # type: ignore[call-arg]
    assert all(a.headers.get("authorization") in {None, "Bearer sk-of-the-box"} for a in plain.asked)
    assert "sk-of" not in caplog.text + str(wrong.value) + repr(backend.settings)


# --- errors -----------------------------------------------------------------------------------------------

OPENAI_VOICE = {"message": "Invalid value: 'x'. Supported values are: …", "type": "invalid_request_error"}
REFUSALS = [
    (400, {"error": OPENAI_VOICE | {"param": "voice", "code": "invalid_value"}}, UnknownVoiceError),
    (404, {"error": {"message": "no x", "param": "model", "code": "model_not_found"}}, UnknownModelError),
    (400, {"error": {"message": "[{'type': 'string_too_long'}]", "code": None}}, TextTooLongError),
    (401, {"error": {"message": "Incorrect API key", "code": "invalid_api_key"}}, BackendUnavailableError),
    (429, {"error": {"message": "quota", "code": "insufficient_quota"}}, BackendUnavailableError),
    (429, {"error": {"message": "slow", "code": "rate_limit_exceeded"}}, RateLimitedError),
    (500, {"error": {"message": "broken", "type": "server_error"}}, GenerationError),
    (400, {"detail": {"error": "validation_error", "message": "Voice x not found"}}, None),
    (404, {"detail": "Voice file 'x' not found."}, UnknownVoiceError),
    (500, {"detail": "it broke"}, GenerationError),
    (
        422,
        {"detail": [{"type": "missing", "loc": ["body", "voice"], "msg": "Field required"}]},
        UnknownVoiceError,
    ),
    (500, b"Internal Server Error", GenerationError),
    (502, b"<html>Bad Gateway</html>", GenerationError),
]


@pytest.mark.parametrize(("status", "body", "kind"), REFUSALS)
async def test_every_error_body_becomes_a_typed_error(
    plain: OpenAIServer, status: int, body: Any, kind: type[Exception] | None
) -> None:
    import json

    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    plain.faults.statuses = [(status, {}, data)]
    with pytest.raises(kind or Exception) as raised:
        await spoken(engine(plain.url))
    assert f"HTTP {status}" in str(raised.value)
    assert "html" not in str(raised.value)
