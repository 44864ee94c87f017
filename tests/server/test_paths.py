"""Requests as clients write them: slashes, HEAD, capitals, empty fields, and URLs that are slightly wrong."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from tests.server.conftest import PATIENCE, Serve, Served
from tests.server.test_errors import is_envelope
from tests.server.test_live import START, receive, send
from tts_hub.server.paths import usual_path

GET_ROUTES = [
    *("/v1/models", "/v1/models/auto", "/v1/audio/models", "/v1/audio/voices", "/v1/engines"),
    *("/v1/audio/estimate?input=Hi", "/health", "/metrics", "/docs", "/openapi.json"),
]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("/v1/models", "/v1/models"),
        ("/v1/models/", "/v1/models"),
        ("//v1//models///", "/v1/models"),
        ("/", "/"),
        ("//", "/"),
        ("", "/"),
    ],
)
def test_slashes_that_mean_nothing(written: str, meant: str) -> None:
    assert usual_path(written) == meant


@pytest.mark.parametrize("path", ["/v1/audio/speech/", "//v1/audio/speech", "/v1//audio/speech//"])
def test_speech_is_found_behind_too_many_slashes(server: Served, path: str) -> None:
    answer = httpx.post(server.url + path, json={"model": "fake", "input": "Hello."})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "audio/mpeg")


def test_the_web_socket_is_found_behind_too_many_slashes(server: Served) -> None:
    url = f"ws://127.0.0.1:{server.address[1]}/v1//audio/speech/stream/"
    with connect(url, open_timeout=PATIENCE, close_timeout=1) as socket:
        send(socket, START, "Hello.", {"type": "end"})
        assert receive(socket)[0][-1]["type"] == "done"


def test_a_path_that_needs_a_key_needs_it_in_any_spelling(serve: Serve) -> None:
    with serve(server={"api_keys": ["k"]}) as server:
        for path in ("//metrics", "/metrics/", "//v1/audio/speech", "/health//metrics"):
            assert httpx.get(server.url + path).status_code == 401
        assert httpx.get(f"{server.url}//health/").status_code == 200


@pytest.mark.parametrize("path", GET_ROUTES)
def test_head_is_answered_wherever_get_is(server: Served, path: str) -> None:
    got, head = (httpx.request(method, server.url + path) for method in ("GET", "HEAD"))
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == got.headers["content-type"]


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/v1/audio/speech", "POST"),
        ("HEAD", "/v1/audio/speech", "POST"),
        ("OPTIONS", "/v1/audio/speech/", "POST"),
        ("DELETE", "/v1/models", "GET, HEAD"),
        ("PUT", "/v1/audio/estimate", "GET, HEAD, POST"),
        ("POST", "/health", "GET, HEAD"),
    ],
)
def test_a_wrong_method_is_answered_with_all_allowed_ones(
    server: Served, method: str, path: str, allow: str
) -> None:
    answer = httpx.request(method, server.url + path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allow)
    if method != "HEAD":
        assert is_envelope(answer)
        assert allow in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("/audio/speech", "/v1/audio/speech"),
        ("/v1/v1/audio/speech", "/v1/audio/speech"),
        ("/models", "/v1/models"),
    ],
)
def test_a_base_url_with_a_wrong_v1_is_answered_with_the_right_one(
    server: Served, path: str, meant: str
) -> None:
    answer = httpx.post(server.url + path, json={"input": "Hello."})
    assert answer.status_code == 404
    assert is_envelope(answer)
    assert answer.json()["error"]["message"].endswith(f"did you mean {meant}?")


def test_a_url_like_no_other_gets_no_suggestion(server: Served) -> None:
    assert (
        httpx.get(f"{server.url}/favicon.ico").json()["error"]["message"] == "no such URL: GET /favicon.ico"
    )


@pytest.mark.parametrize("empty", [None, "", " "])
@pytest.mark.parametrize(
    "field",
    [
        *("voice", "instructions", "response_format", "speed", "stream_format", "stream", "language", "seed"),
        *("sample_rate", "fallback", "markup", "options"),
    ],
)
def test_an_empty_field_is_as_good_as_none(server: Served, field: str, empty: str | None) -> None:
    fields: dict[str, Any] = {field: empty}
    answer = server.speak(**fields)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "audio/mpeg")


def test_an_empty_model_is_the_default_one(server: Served) -> None:
    assert server.speak(model="").status_code == 200


def test_empty_fields_of_a_query_are_as_good_as_none(server: Served) -> None:
    query = {"input": "Hello.", "model": "", "voice": "", "speed": "", "markup": ""}
    assert httpx.get(f"{server.url}/v1/audio/estimate", params=query).status_code == 200


@pytest.mark.parametrize(
    ("fields", "media_type"),
    [
        ({"speed": "1.0", "sample_rate": "16000", "seed": "7"}, "audio/mpeg"),
        ({"response_format": "MP3"}, "audio/mpeg"),
        ({"response_format": " Wav "}, "audio/wav"),
        ({"response_format": "ogg"}, "audio/opus"),
        ({"response_format": "OGA"}, "audio/opus"),
        ({"response_format": "raw"}, "audio/pcm"),
        ({"stream_format": "SSE"}, "text/event-stream; charset=utf-8"),
        ({"stream_format": "Audio", "markup": "TEXT", "stream": "false"}, "audio/mpeg"),
        ({"voice": "HIGH", "language": "EN-us"}, "audio/mpeg"),
        ({"model": "Fake"}, "audio/mpeg"),
        ({"model": "TTS-1", "voice": "Alloy"}, "audio/mpeg"),
        ({"model": "GPT-4o-Mini-TTS"}, "audio/mpeg"),
        ({"model": "AUTO", "fallback": ["ESPEAK"]}, "audio/mpeg"),
        ({"model": "eSpeak"}, "audio/mpeg"),
    ],
)
def test_values_are_taken_as_clients_write_them(
    server: Served, fields: dict[str, Any], media_type: str
) -> None:
    answer = server.speak(**fields)
    assert (answer.status_code, answer.headers["content-type"]) == (200, media_type), answer.text


@pytest.mark.parametrize("name", ["TTS-1", "Auto", "ESPEAK"])
def test_a_model_is_found_in_any_case_and_has_its_own_name(server: Served, name: str) -> None:
    answer = httpx.get(f"{server.url}/v1/models/{name}")
    assert (answer.status_code, answer.json()["id"]) == (200, name.lower())
