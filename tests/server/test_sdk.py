"""OpenAI's own Python client against the server."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import openai
import pytest

from tests.audio.decoding import decode, decode_s16le
from tests.server.conftest import Serve, Served, occupied
from tts_hub.errors import GenerationError
from tts_hub.testing import FakeScript

SENTENCE = "The quick brown fox jumps over the lazy dog."
FORMATS = ("mp3", "opus", "aac", "flac", "wav", "pcm")


@contextmanager
def client(server: Served, key: str = "none") -> Generator[openai.OpenAI, None, None]:
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key=key) as openai_client:
        yield openai_client


def spoken(sdk: openai.OpenAI, **fields: object) -> bytes:
    given = {"model": "tts-1", "voice": "alloy", "input": SENTENCE} | fields
    with sdk.audio.speech.with_streaming_response.create(**given) as response:  # type: ignore[arg-type]
        return b"".join(response.iter_bytes())


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_whole_sound(server: Served, name: str) -> None:
    with client(server) as sdk:
        data = spoken(sdk, response_format=name)
    samples = decode_s16le(data) if name == "pcm" else decode(data)[0]
    rate = 24_000 if name in {"pcm", "wav", "mp3", "flac", "aac"} else 48_000
    assert 1.5 < len(samples) / rate < 6
    assert abs(samples).max() > 0.05


def test_the_format_is_mp3_unless_another_is_named(server: Served) -> None:
    with client(server) as sdk:
        response = sdk.audio.speech.create(model="tts-1", voice="alloy", input=SENTENCE)
    assert response.response.headers["content-type"] == "audio/mpeg"
    assert decode(response.content)[1] == 24_000


def test_sound_arrives_while_the_engine_is_still_at_work(server: Served) -> None:
    server.fake.script = FakeScript(hold_at=10)
    with client(server) as sdk:
        speech = sdk.audio.speech.with_streaming_response
        text = "one two three four five six seven eight"
        with speech.create(model="fake", voice="mid", input=text, response_format="pcm") as response:
            parts = response.iter_bytes()
            next(parts)
            assert server.fake.active == 1
            assert server.metric("tts_requests_in_flight") == 1
            server.script.hold_at = None
            assert sum(map(len, parts)) > 0


def test_every_field_of_the_current_api_is_taken(server: Served) -> None:
    with client(server) as sdk:
        data = spoken(
            sdk,
            model="fake",
            voice={"id": "high"},
            instructions="Cheerfully.",
            response_format="wav",
            speed=2.0,
            stream_format="audio",
        )
    assert server.fake.requests[-1].voice.id == "high"
    assert len(decode(data)[0]) / 24_000 == pytest.approx(9 * 0.3 / 2, abs=0.3)


def test_fields_of_our_own_go_as_extra_body(server: Served) -> None:
    server.fake.requests.clear()
    extra = {"seed": 7, "language": "en-US", "options": {"gain": 0.25}}
    with client(server) as sdk:
        spoken(sdk, model="fake", voice="low", extra_body=extra)
    (request,) = server.fake.requests
    assert (request.seed, request.language, request.options["gain"]) == (7, "en-US", 0.25)


def test_models_are_listed_and_found(server: Served) -> None:
    with client(server) as sdk:
        listed = [model.id for model in sdk.models.list()]
        assert {"auto", "espeak", "fake", "tts-1", "gpt-4o-mini-tts"} <= set(listed)
        assert all(sdk.models.retrieve(name).object == "model" for name in listed)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"speed": 9.0}, "speed"),
        ({"response_format": "midi"}, "response_format"),
        ({"model": "fake", "voice": "nobody"}, "voice"),
        ({"input": " "}, "input"),
        ({"extra_body": {"options": {"colour": "red"}}, "model": "fake", "voice": "low"}, "options.colour"),
        ({"extra_body": {"sample_rate": 11_111}}, "sample_rate"),
        ({"model": "fake", "voice": "low", "extra_body": {"language": "tlh"}}, "language"),
    ],
)
def test_a_wrong_value_is_a_bad_request_that_names_the_field(
    server: Served, fields: dict[str, object], param: str
) -> None:
    with client(server) as sdk, pytest.raises(openai.BadRequestError) as caught:
        spoken(sdk, **fields)
    assert (caught.value.param, caught.value.code) == (param, "invalid_value")
    assert caught.value.type == "invalid_request_error"
    assert (caught.value.request_id or "").startswith("req_")


def test_an_unknown_model_is_not_found(server: Served) -> None:
    with client(server) as sdk, pytest.raises(openai.NotFoundError) as caught:
        spoken(sdk, model="whisper-1")
    assert (caught.value.param, caught.value.code) == ("model", "model_not_found")
    with client(server) as sdk, pytest.raises(openai.NotFoundError, match="does not exist"):
        sdk.models.retrieve("whisper-1")


def test_a_wrong_key_is_an_authentication_error(serve: Serve) -> None:
    with serve(server={"api_keys": ["right"]}) as server:
        with client(server, "wrong") as sdk, pytest.raises(openai.AuthenticationError) as caught:
            spoken(sdk)
        assert caught.value.code == "invalid_api_key"
        with client(server, "right") as sdk:
            assert spoken(sdk)


def test_a_full_queue_is_a_rate_limit_error(serve: Serve) -> None:
    with serve(limits={"max_queue": 0}) as server, client(server) as sdk:
        speech = sdk.with_options(max_retries=0).audio.speech
        with occupied(server, places=2), pytest.raises(openai.RateLimitError) as caught:
            speech.create(model="fake", voice="low", input=SENTENCE)
        assert caught.value.code == "rate_limit_exceeded"
        assert int(caught.value.response.headers["retry-after"]) >= 1


def test_a_wrong_request_is_not_tried_again(server: Served) -> None:
    before = server.metric("tts_requests_total", backend="", outcome="rejected")
    with client(server) as sdk, pytest.raises(openai.BadRequestError):
        spoken(sdk, model="fake", voice="nobody")
    assert server.metric("tts_requests_total", backend="", outcome="rejected") == before + 1


def test_an_unavailable_engine_is_an_error_with_its_remedy_and_not_tried_again(serve: Serve) -> None:
    script = FakeScript(ready=False, reason="weights are missing", remedy="get them")
    with serve(script=script) as server:
        with client(server) as sdk, pytest.raises(openai.InternalServerError, match="get them") as caught:
            spoken(sdk, model="fake", voice="low")
        assert (caught.value.status_code, caught.value.code) == (503, "engine_unavailable")
        assert server.metric("tts_errors_total", kind="engine_unavailable") == 1


def test_a_failed_engine_is_tried_again_and_its_own_message_is_hidden(server: Served) -> None:
    server.fake.script = FakeScript(fail_at={0: 0}, error=GenerationError("/secret/path", backend="fake"))
    before = server.metric("tts_errors_total", kind="generation_failed")
    with client(server) as sdk:
        patient = sdk.with_options(max_retries=1)
        with pytest.raises(openai.InternalServerError) as caught:
            patient.audio.speech.create(model="fake", voice="low", input=SENTENCE)
    assert "secret" not in caught.value.message
    assert str(caught.value.request_id) in caught.value.message
    assert server.metric("tts_errors_total", kind="generation_failed") == before + 2
