"""What known clients send, byte for byte as their sources have it, and what they need of the answer."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.audio.decoding import decode, decode_s16le
from tests.server.conftest import Serve, Served, connected, raw_request

JSON = "Content-Type: application/json"
SDK = (
    "Accept-Encoding: gzip, deflate",
    "Connection: keep-alive",
    JSON,
    "User-Agent: AsyncOpenAI/Python 3.52.0",
    "X-Stainless-Lang: python",
    "X-Stainless-Raw-Response: stream",
)


def replayed(server: Served, body: dict[str, Any], *headers: str) -> httpx.Response:
    """The answer to the bytes of a request; Host and the end of the connection are added."""
    host = f"Host: 127.0.0.1:{server.address[1]}"
    with connected(server) as connection:
        connection.sendall(raw_request(json.dumps(body).encode(), host, *headers))
        with connection.makefile("rb") as stream:
            return _parsed(stream)


def _parsed(stream: Any) -> httpx.Response:
    status = int(stream.readline().split()[1])
    headers = []
    while (line := stream.readline().strip()) != b"":
        headers.append(tuple(line.split(b": ", 1)))
    values = dict(headers)
    if values.get(b"transfer-encoding") == b"chunked":
        content = b""
        while size := int(stream.readline(), 16):
            content += stream.read(size)
            stream.readline()
        headers.remove((b"transfer-encoding", b"chunked"))
    else:
        content = stream.read(int(values[b"content-length"]))
    return httpx.Response(status, headers=headers, content=content)


def test_livekit_reads_events_by_lines_that_begin_with_data(server: Served) -> None:
    body = {
        "input": "Good morning to you.",
        "model": "gpt-4o-mini-tts",
        "voice": "ash",
        "response_format": "mp3",
        "speed": 1.0,
        "stream_format": "sse",
    }
    answer = replayed(server, body, "Accept: application/octet-stream", "Authorization: Bearer local", *SDK)
    assert answer.headers["content-type"].startswith("text/event-stream")
    lines = [line for line in answer.text.splitlines() if line]
    assert all(line.startswith("data: ") for line in lines)
    assert lines[-1] == "data: [DONE]"


def test_livekits_prewarming_is_answered(server: Served) -> None:
    assert httpx.get(f"{server.url}/v1/").status_code == 404


def test_pipecat_gets_raw_samples_at_24_khz(server: Served) -> None:
    body = {
        "input": "Good morning to you.",
        "model": "gpt-4o-mini-tts",
        "voice": "alloy",
        "response_format": "pcm",
    }
    answer = replayed(server, body, "Accept: application/octet-stream", "Authorization: Bearer local", *SDK)
    assert answer.headers["content-type"] == "audio/pcm"
    assert 0.5 < len(decode_s16le(answer.content)) / 24_000 < 3


def test_open_webui_names_no_format_and_gets_mp3(server: Served) -> None:
    body = {"input": "Good morning.", "voice": "alloy", "model": "tts-1"}
    headers = ("Accept: */*", "Authorization: Bearer ", "User-Agent: Python/3.11 aiohttp/3.13.2", JSON)
    answer = replayed(server, body, *headers)
    assert answer.headers["content-type"] == "audio/mpeg"
    assert len(decode(answer.content)[0])


def test_open_webui_lists_without_a_key(serve: Serve) -> None:
    with serve(server={"api_keys": ["k"]}) as server:
        base = f"{server.url}/v1"
        assert {"id"} <= set(httpx.get(f"{base}/audio/models").json()["models"][0])
        voices = httpx.get(f"{base}/audio/voices").json()["voices"]
        assert all(voice["id"] and voice["name"] for voice in voices)
        assert {voice["model"] for voice in voices} == {"espeak", "fake"}
        assert httpx.get(f"{base}/models").json()["object"] == "list"


def test_sillytavern_sends_an_empty_bearer(server: Served) -> None:
    body = {
        "input": "Good morning.",
        "response_format": "mp3",
        "voice": "nova",
        "speed": 1,
        "model": "tts-1",
    }
    headers = ("Accept: */*", "Authorization: Bearer ", "User-Agent: node-fetch", "Connection: close", JSON)
    assert len(decode(replayed(server, body, *headers).content)[0])


@pytest.mark.parametrize("instructions", ["", "None"])
def test_home_assistant_always_sends_instructions(server: Served, instructions: str) -> None:
    body = {
        "input": "The light is on.",
        "model": "gpt-4o-mini-tts",
        "voice": "marin",
        "instructions": instructions,
        "response_format": "opus",
        "speed": 1.0,
    }
    headers = ("Accept: application/octet-stream", "Authorization: Bearer sk-local", *SDK)
    answer = replayed(server, body, *headers)
    assert answer.headers["content-type"] == "audio/opus"
    assert answer.content.startswith(b"OggS")


def test_home_assistants_community_integration_sends_fields_of_its_own(server: Served) -> None:
    body = {
        "model": "tts-1",
        "input": "Hi.",
        "voice": "shimmer",
        "response_format": "mp3",
        "speed": 1.0,
        "chime": True,
    }
    answer = replayed(server, body, "Accept: */*", JSON)
    assert len(answer.content) >= 1024, "it withholds shorter answers"


def test_wyoming_openai_reads_the_wav_header_from_the_first_part(server: Served) -> None:
    body = {"input": "Hello.", "model": "tts-1", "voice": "alloy", "response_format": "wav"}
    with httpx.stream("POST", f"{server.url}/v1/audio/speech", json=body) as response:
        assert next(response.iter_raw())[36:40] == b"data"


def test_curl_says_that_its_json_is_a_form(server: Served, tmp_path: Path) -> None:
    file = tmp_path / "hello.mp3"
    body = ' {"model": "tts-1", "voice": "alloy", "input": "Hello from the shell."}'
    command = ["curl", "-sS", "--fail", "--noproxy", "*", f"{server.url}/v1/audio/speech", "-d", body]
    subprocess.run([*command, "-o", str(file)], check=True, timeout=30)
    assert len(decode(file)[0]) > 10_000


def test_a_page_of_a_configured_origin_may_use_it_after_its_preflight(serve: Serve) -> None:
    origin = "https://chat.example.org"
    asked = {
        "origin": origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type",
    }
    with serve(server={"cors_origins": [origin], "api_keys": ["k"]}) as server:
        url = f"{server.url}/v1/audio/speech"
        preflight = httpx.options(url, headers=asked)
        assert preflight.status_code == 200
        assert preflight.headers["access-control-allow-origin"] == origin
        assert "authorization" in preflight.headers["access-control-allow-headers"].lower()
        headers = {"origin": origin, "authorization": "Bearer k"}
        answer = httpx.post(url, headers=headers, json={"input": "Hi.", "model": "fake"})
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == origin
        assert "x-request-id" in answer.headers["access-control-expose-headers"].lower()


def test_an_http_2_offer_does_not_lose_the_body(server: Served) -> None:
    offer = (
        "Connection: Upgrade, HTTP2-Settings",
        "Upgrade: h2c",
        "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
    )
    answer = replayed(server, {"input": "Hello.", "model": "fake", "voice": "low"}, *offer, JSON)
    assert answer.status_code == 200, answer.text
