"""`POST /v1/audio/speech` on the wire: media types, headers, parts, events, and how a stream ends."""

from __future__ import annotations

import base64
import json
import struct
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.audio.decoding import decode
from tests.server.conftest import Serve, Served, connected, speech_bytes
from tts_hub import Capabilities
from tts_hub.testing import FakeBackend, FakeScript

LONG = "one two three four five six seven eight nine ten"


def events(text: str) -> list[Any]:
    return [
        line if line == "[DONE]" else json.loads(line)
        for line in (block.removeprefix("data: ") for block in text.split("\n\n") if block)
    ]


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("mp3", "audio/mpeg"),
        ("opus", "audio/opus"),
        ("aac", "audio/aac"),
        ("flac", "audio/flac"),
        ("wav", "audio/wav"),
        ("pcm", "audio/pcm"),
    ],
)
def test_the_media_type_is_that_of_openai(server: Served, name: str, media_type: str) -> None:
    answer = server.speak(response_format=name, stream=True)
    assert answer.headers["content-type"] == media_type
    assert answer.headers["transfer-encoding"] == "chunked"
    assert "content-length" not in answer.headers


def test_a_streamed_wav_has_its_open_ended_header_whole_in_the_first_part(server: Served) -> None:
    body = {"model": "fake", "input": LONG, "response_format": "wav", "stream": True}
    with httpx.stream("POST", f"{server.url}/v1/audio/speech", json=body) as response:
        first = next(response.iter_raw())
    assert len(first) >= 44
    assert struct.unpack("<4sI4s4sIHHIIHH4sI", first[:44]) == (
        *(b"RIFF", 0xFFFFFFFF, b"WAVE", b"fmt ", 16, 1, 1, 24_000, 48_000, 2, 16),
        *(b"data", 0xFFFFFFFF),
    )


def test_the_first_bytes_come_long_before_the_last_are_made(server: Served) -> None:
    server.fake.script = FakeScript(hold_at=10)
    with connected(server) as connection:
        connection.sendall(speech_bytes(LONG, response_format="pcm"))
        received = b""
        while b"\r\n\r\n" not in received or len(received.split(b"\r\n\r\n", 1)[1]) < 1000:
            received += connection.recv(4096)
        assert server.fake.active == 1


def test_events_are_those_of_openai(server: Served) -> None:
    answer = server.speak(stream_format="sse", response_format="mp3")
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    *deltas, done, end = events(answer.text)
    assert {delta["type"] for delta in deltas} == {"speech.audio.delta"}
    assert len(decode(b"".join(base64.b64decode(delta["audio"]) for delta in deltas))[0])
    assert done["type"] == "speech.audio.done"
    usage = done["usage"]
    assert usage["input_tokens"] + usage["output_tokens"] == usage["total_tokens"] > 2
    assert end == "[DONE]"


def test_a_failure_after_the_start_is_an_event_and_no_clean_end(server: Served) -> None:
    server.fake.script = FakeScript(fail_at={0: 5})
    body = {"model": "fake", "input": LONG, "response_format": "pcm", "stream_format": "sse"}
    received = ""
    with httpx.stream("POST", f"{server.url}/v1/audio/speech", json=body) as response:
        with pytest.raises(httpx.RemoteProtocolError):
            for part in response.iter_text():
                received += part
        request_id = response.headers["x-request-id"]
    *deltas, failure = events(received)
    assert deltas[0]["type"] == "speech.audio.delta"
    assert failure["type"] == "speech.audio.error"
    assert request_id in failure["error"]["message"]
    assert "[DONE]" not in received


def test_a_failure_after_the_start_breaks_plain_audio_off(server: Served) -> None:
    server.fake.script = FakeScript(fail_at={0: 5})
    body = {"model": "fake", "input": LONG, "response_format": "pcm"}
    received = b""
    with httpx.stream("POST", f"{server.url}/v1/audio/speech", json=body) as response:
        assert response.status_code == 200
        with pytest.raises(httpx.RemoteProtocolError, match="incomplete"):
            for part in response.iter_raw():
                received += part
    assert received
    assert server.until_free() < 5


def test_an_engine_takes_over_in_the_middle_where_the_request_allows_it(server: Served) -> None:
    before = server.metric("tts_fallbacks_total", failed="fake", continued="espeak")
    server.fake.script = FakeScript(fail_at={0: 5})
    assert server.speak(fallback=["espeak"], response_format="pcm").status_code == 200
    server.until_free()
    assert server.metric("tts_fallbacks_total", failed="fake", continued="espeak") == before + 1


def test_a_voice_may_be_an_object(server: Served) -> None:
    assert server.speak(voice={"id": "high", "more": 1}).status_code == 200
    assert server.fake.requests[-1].voice.id == "high"


def test_fields_that_are_not_known_are_no_mistake(server: Served) -> None:
    extra: dict[str, Any] = {
        "user": "me",
        "volume_multiplier": 1,
        "return_download_link": False,
        "lang_code": None,
    }
    assert server.speak(**extra).status_code == 200


def test_the_format_may_be_written_in_capitals(server: Served) -> None:
    assert server.speak(response_format="WAV").headers["content-type"] == "audio/wav"


def test_the_sample_rate_is_the_one_asked_for(server: Served) -> None:
    assert decode(server.speak(response_format="wav", sample_rate=16_000).content)[1] == 16_000


def test_speed_shortens_the_sound(server: Served) -> None:
    normal, fast = (len(server.speak(LONG, speed=s, response_format="pcm").content) for s in (1, 2))
    assert fast == pytest.approx(normal / 2, rel=0.15)


def test_requests_at_the_same_time_keep_their_own_voice_and_seed(serve: Serve) -> None:
    able = FakeBackend(name="able", capabilities=Capabilities(seed=True, concurrency=8))
    voices = ["low", "mid", "high"]
    with serve(able) as server, httpx.Client(base_url=server.url) as http:

        def ask(number: int) -> int:
            body = {
                "model": "able",
                "input": f"Number {number}.",
                "voice": voices[number % 3],
                "seed": number,
            }
            return http.post("/v1/audio/speech", json=body).status_code

        with ThreadPoolExecutor(12) as pool:
            assert set(pool.map(ask, range(36))) == {200}
    seen = {(request.text, request.voice.id, request.seed) for request in able.requests}
    assert seen == {(f"Number {n}.", voices[n % 3], n) for n in range(36)}
