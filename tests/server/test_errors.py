"""Every failure has OpenAI's shape, an id, and no more than a client may see."""

from __future__ import annotations

import json
import logging
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.server.conftest import Serve, Served, occupied
from tts_hub.errors import (
    BackendUnavailableError,
    GenerationError,
    NoAudioError,
    QueueFullError,
    QueueTimeoutError,
    StalledError,
    TextTooLongError,
    UnknownModelError,
    UnknownVoiceError,
)
from tts_hub.server.errors import failure_of
from tts_hub.server.identity import STOPPING
from tts_hub.testing import FakeScript


def is_envelope(answer: httpx.Response) -> bool:
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"]
    assert answer.headers["x-request-id"]
    assert answer.headers["content-type"] == "application/json"
    return True


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/v1", 404),
        ("GET", "/v1/models/none", 404),
        ("GET", "/v1/audio/voices?model=none", 404),
        ("GET", "/v1/audio/speech", 405),
        ("DELETE", "/v1/models", 405),
        ("POST", "/v1/audio/speech", 400),
        ("POST", "/v1/audio/speech/captions", 400),
    ],
)
def test_ordinary_failures_have_one_shape(server: Served, method: str, path: str, status: int) -> None:
    answer = httpx.request(method, server.url + path)
    assert answer.status_code == status
    assert is_envelope(answer)
    assert answer.headers["x-should-retry"] == "false"


@pytest.mark.parametrize(
    ("exc", "status", "headers"),
    [
        (UnknownVoiceError("no such voice"), 400, {"x-should-retry": "false"}),
        (UnknownModelError("no such model"), 404, {"x-should-retry": "false"}),
        (TextTooLongError("too long"), 413, {"x-should-retry": "false"}),
        (NoAudioError("nothing", backend="e"), 400, {"x-should-retry": "false"}),
        (BackendUnavailableError("no device", backend="e"), 503, {"x-should-retry": "false"}),
        (QueueFullError("full", retry_after=2.5), 429, {"Retry-After": "3"}),
        (QueueTimeoutError("slow", retry_after=0.1), 503, {"Retry-After": "1"}),
        (GenerationError("broken", backend="e"), 500, {}),
        (StalledError("stuck", backend="e"), 500, {}),
        (ZeroDivisionError(), 500, {}),
    ],
)
def test_a_retry_is_advised_against_asked_for_later_or_left_open(
    exc: Exception, status: int, headers: dict[str, str]
) -> None:
    failure = failure_of(exc, "req_1")
    assert (failure.status, failure.all_headers()) == (status, headers)


def test_a_server_that_is_being_stopped_says_when_to_come_back() -> None:
    assert (STOPPING.status, STOPPING.all_headers()) == (503, {"Retry-After": "5"})


def test_a_wrong_method_is_answered_with_the_allowed_ones(server: Served) -> None:
    assert httpx.get(f"{server.url}/v1/audio/speech").headers["allow"] == "POST"


@pytest.mark.parametrize("format_fields", [{}, {"stream_format": "sse"}])
def test_a_failure_before_the_first_audio_is_an_ordinary_answer(
    server: Served, format_fields: dict[str, str]
) -> None:
    server.fake.script = FakeScript(fail_at={0: 0}, error=OSError("cannot read /secret/weights"))
    answer = server.speak(**format_fields)
    assert answer.status_code == 500
    assert is_envelope(answer)
    assert answer.headers["x-request-id"] in answer.json()["error"]["message"]
    assert "secret" not in answer.text


def test_an_error_of_our_own_making_is_hidden_and_logged_with_its_id(
    server: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> None:
        raise ZeroDivisionError("internal detail")

    monkeypatch.setattr(server.manager, "status", broken)
    answer = httpx.get(f"{server.url}/health")
    assert answer.status_code == 500
    assert is_envelope(answer)
    assert "internal detail" not in answer.text
    assert answer.headers["x-request-id"] in caplog.text
    assert "internal detail" in caplog.text
    monkeypatch.undo()


def test_a_text_that_makes_no_sound_is_an_error_and_its_words_are_not_logged(
    server: Served, caplog: pytest.LogCaptureFixture
) -> None:
    server.fake.script = FakeScript(silent=True)
    answer = server.speak("confidential")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "no_audio")
    assert is_envelope(answer)
    assert "generated no sound" in caplog.text
    assert "confidential" not in caplog.text


def test_a_full_queue_says_when_to_come_back(serve: Serve) -> None:
    with serve(limits={"max_queue": 0}) as server, occupied(server, 2):
        answer = server.speak()
    assert answer.status_code == 429
    assert is_envelope(answer)
    assert int(answer.headers["retry-after"]) >= 1
    assert "x-should-retry" not in answer.headers


def test_waiting_too_long_for_a_turn_is_an_overload(serve: Serve) -> None:
    with serve(limits={"queue_timeout": 0.1}) as server, occupied(server, 2):
        answer = server.speak()
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "server_is_overloaded")
    assert int(answer.headers["retry-after"]) >= 1


def test_no_engine_at_all_shows_in_health(serve: Serve) -> None:
    sections = {"backends": {"espeak": {"enabled": False}}}
    with serve(script=FakeScript(ready=False, reason="no weights"), **sections) as server:
        health = httpx.get(f"{server.url}/health")
        assert (health.status_code, health.json()["status"]) == (503, "no engine")
        assert health.json()["engines"]["fake"]["reason"] == "no weights"
        answer = server.speak(model="tts-1")
        assert answer.status_code in {404, 503}
        assert is_envelope(answer)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"5",
        b'"text"',
        b"{",
        b"{'input': 'x'}",
        b"\xff\xfe",
        b'{"input": "\xff"}',
        b'{"input": "\\ud800"}',
        b'{"input": "x", "voice": "\\ud800"}',
        b'{"input": "x", "options": {"\\ud800": 1}}',
        b'{"input": "x", "options": {"gain": "\\ud800"}}',
        b'{"input": "x", "speed": NaN}',
        b'{"input": "x", "speed": Infinity}',
        b'{"input": "x", "speed": 1e999}',
        b'{"input": "x", "seed": -1}',
        b'{"input": "x", "seed": 1' + b"0" * 30 + b"}",
        b'{"input": "x", "seed": 1' + b"0" * 9_000 + b"}",
        b'{"input": "x", "voice": {"id": ["a"]}}',
        b'{"input": "\\u0000"}',
        b"[" * 200_000,
        b'{"input": "x", "options": ' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b"}",
    ],
)
def test_a_body_that_is_nonsense_is_a_bad_request(server: Served, body: bytes) -> None:
    headers = {"content-type": "application/json"}
    answer = httpx.post(f"{server.url}/v1/audio/speech", content=body, headers=headers)
    assert answer.status_code == 400, answer.text
    assert is_envelope(answer)


def test_half_a_character_is_in_no_name(server: Served) -> None:
    answer = httpx.post(f"{server.url}/v1/audio/speech", content=b'{"input": "x", "model": "\\udfff"}')
    assert answer.status_code == 404
    assert is_envelope(answer)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = [
    *("input", "model", "voice", "instructions", "response_format", "speed", "stream_format", "language"),
    *("seed", "sample_rate", "fallback", "markup", "options"),
]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(FIELDS), value=JUNK)
@example(name="options", value={"a": float("nan")})
@example(name="language", value="\x00")
def test_a_field_of_any_kind_is_taken_or_refused_by_name(server: Served, name: str, value: Any) -> None:
    body = {"input": "Hi.", "model": "fake"} | {name: value}
    answer = httpx.post(
        f"{server.url}/v1/audio/speech",
        content=json.dumps(body, allow_nan=True),
        headers={"content-type": "application/json"},
    )
    assert answer.status_code in {200, 400, 404, 413}, answer.text
    if answer.status_code != 200:
        assert is_envelope(answer)
        param = str(answer.json()["error"]["param"]).split(".")[0]
        assert param == name or (name == "fallback" and answer.status_code == 404)


def test_wrong_requests_are_not_logged(server: Served, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    for fields in ({"speed": 99}, {"voice": "nobody"}, {"model": "none"}):
        server.speak(**fields)
    assert not caplog.records
