"""`/metrics`: every family counts, and agrees with the reports."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.server.conftest import (
    PATIENCE,
    Serve,
    Served,
    connected,
    occupied,
    received,
    speech_bytes,
    wait_for,
)
from tts_hub.testing import FakeScript
from tts_hub.types import RetakeReason

REFUSED = {
    "invalid_api_key": 2,
    "host_not_allowed": 1,
    "origin_not_allowed": 1,
    "invalid_http": 1,
    "headers_too_large": 1,
    "request_timeout": 1,
}
TEXT = "one two three four five"


def samples(server: Served) -> dict[str, float]:
    """`name{labels}` -> value, as Prometheus would read it."""
    answer = httpx.get(f"{server.url}/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    return {
        sample.name + re.sub("[{} ']", "", str(dict(sorted(sample.labels.items())))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_metrics_say_what_the_report_says(serve: Serve) -> None:
    with serve() as server:
        body = {"model": "fake", "input": TEXT, "response_format": "wav"}
        lines = httpx.post(f"{server.url}/v1/audio/speech/captions", json=body).text.splitlines()
        done = json.loads(lines[-1])["done"]
        server.until_free()
        read = samples(server)
    assert read["tts_requests_totalbackend:fake,outcome:ok"] == 1
    seconds = read["tts_audio_seconds_totalbackend:fake,format:wav"]
    assert seconds == pytest.approx(done["audio_seconds"])
    assert read["tts_characters_totalbackend:fake"] == len(TEXT)
    for name in ("tts_time_to_first_audio_seconds", "tts_queue_wait_seconds", "tts_real_time_factor"):
        assert read[f"{name}_countbackend:fake"] == 1
    assert read["tts_time_to_first_audio_seconds_sumbackend:fake"] > 0
    assert read["tts_real_time_factor_sumbackend:fake"] > 0


def test_the_time_to_first_audio_is_the_engines_delay_and_little_more(serve: Serve) -> None:
    with serve(script=FakeScript(first_chunk_delay=0.3)) as server:
        began = time.monotonic()
        server.speak(TEXT)
        took = time.monotonic() - began
        server.until_free()
        first = samples(server)["tts_time_to_first_audio_seconds_sumbackend:fake"]
    assert 0.3 <= first <= took


def test_every_kind_of_end_is_counted(serve: Serve) -> None:
    with serve(server={"reader_timeout": 0.3}, limits={"max_queue": 0}) as server:
        with occupied(server, 2):
            server.speak()  # refused: the queue is full
        server.script.fail_at = {0: 3}
        with pytest.raises(httpx.RemoteProtocolError):
            server.speak(TEXT * 3)
        server.speak(TEXT * 3, fallback=["espeak"])
        server.until_free()
        server.script.fail_at = {}
        server.script.seconds_per_word = 5.0
        with connected(server, receive_buffer=4096) as connection:
            connection.sendall(speech_bytes(TEXT, response_format="wav", sample_rate=48_000))
            wait_for(lambda: server.metric("tts_requests_in_flight") == 1)
            server.until_free()
        read = samples(server)
    requests = {
        key.removeprefix("tts_requests_total"): n for key, n in read.items() if "requests_total" in key
    }
    assert requests == {
        "backend:,outcome:client_cancel": 2,
        "backend:,outcome:rejected": 1,
        "backend:fake,outcome:error": 1,
        "backend:espeak,outcome:ok": 1,
        "backend:fake,outcome:timeout": 1,
    }
    failures = {key: n for key, n in read.items() if "errors_total" in key or "rejected_total" in key}
    assert failures == {
        "tts_rejected_totalreason:rate_limit_exceeded": 1,
        "tts_errors_totalkind:generation_failed": 1,
        "tts_errors_totalkind:reader_paused": 1,
    }
    assert read["tts_fallbacks_totalcontinued:espeak,failed:fake"] == 1


def test_retakes_are_counted_by_engine_and_reason(serve: Serve) -> None:
    retakes: dict[int, tuple[RetakeReason, ...]] = {0: ("endless", "endless"), 1: ("too_short",)}
    with serve(script=FakeScript(retakes=retakes)) as server:
        server.speak("One sentence is here. Another one follows it.")
        server.until_free()
        read = samples(server)
    assert {key: n for key, n in read.items() if "retakes_total" in key} == {
        "tts_retakes_totalbackend:fake,reason:endless": 2,
        "tts_retakes_totalbackend:fake,reason:too_short": 1,
    }


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("GET", "/nowhere", None, "unknown_url"),
        ("GET", "/v1/audio/speech", None, "method_not_supported"),
        ("GET", "/v1/models/none", None, "model_not_found"),
        ("POST", "/v1/audio/speech", {"input": "x", "speed": 9}, "invalid_value"),
        ("POST", "/v1/audio/speech", {"input": "x", "model": "fake", "voice": "none"}, "invalid_value"),
        ("POST", "/v1/audio/speech", {"input": "x" * 3_000}, "string_above_max_length"),
        ("POST", "/v1/audio/speech", {"input": "x" * 9_000}, "too_large"),
        ("POST", "/v1/audio/speech", "no json", "invalid_json"),
    ],
)
def test_a_refusal_is_counted_once_under_its_code(
    serve: Serve, method: str, path: str, body: Any, code: str
) -> None:
    content = body if isinstance(body, str) or body is None else json.dumps(body)
    headers = {"content-type": "application/json"}
    with serve(server={"max_characters": 2_000, "max_body_bytes": 8_000}) as server:
        answer = httpx.request(method, server.url + path, content=content, headers=headers)
        read = samples(server)
    assert answer.json()["error"]["code"] == code
    assert {key: n for key, n in read.items() if "rejected_total" in key} == {
        f"tts_rejected_totalreason:{code}": 1
    }
    assert not [key for key in read if "errors_total" in key]


def test_clients_without_a_key_and_nonsense_are_counted_too(serve: Serve) -> None:
    with serve(server={"api_keys": ["k"], "body_timeout": 0.3}) as server:
        httpx.post(f"{server.url}/v1/audio/speech")
        httpx.get(f"{server.url}/health", headers={"host": "evil.example"})
        httpx.post(f"{server.url}/health", headers={"origin": "https://evil.example"})
        for nonsense in (b"NONSENSE / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nX: " + b"a" * 20_000, b"GET /"):
            with connected(server) as connection:
                connection.sendall(nonsense)
                received(connection)
        url = f"ws://127.0.0.1:{server.address[1]}/v1/audio/speech/stream"
        with pytest.raises(InvalidStatus), connect(url):
            pass
        read = {reason: server.metric("tts_rejected_total", reason=reason) for reason in REFUSED}
    assert read == REFUSED


def test_a_refusal_in_a_conversation_is_counted(serve: Serve) -> None:
    with serve() as server:
        with connect(f"ws://127.0.0.1:{server.address[1]}/v1/audio/speech/stream") as socket:
            for said in (
                {"type": "nonsense"},
                {"type": "start", "model": "none"},
                {"type": "text", "text": "Hi. "},
            ):
                socket.send(json.dumps(said))
                if said["type"] != "start":
                    assert json.loads(socket.recv(PATIENCE))["type"] == "error"
        assert server.metric("tts_rejected_total", reason="invalid_value") == 1
        assert server.metric("tts_rejected_total", reason="model_not_found") == 1


def test_work_and_waiting_show_while_they_last(serve: Serve) -> None:
    with serve() as server, occupied(server, 2), connected(server) as connection:
        connection.sendall(speech_bytes())
        wait_for(lambda: samples(server)["tts_queue_depthbackend:fake"] == 1)
        read = samples(server)
        assert read["tts_active_segmentsbackend:fake"] == 2
        assert read["tts_requests_in_flight"] == 3


def test_labels_name_no_voice_and_no_text(server: Served) -> None:
    server.speak("confidential", voice="high")
    server.speak(voice="secretvoice")
    text = httpx.get(f"{server.url}/metrics").text
    assert "high" not in text
    assert "secretvoice" not in text
    assert "confidential" not in text
