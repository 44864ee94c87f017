"""The message of a failed engine stays in the log; clients get the kind of failure and our own sentence."""

from __future__ import annotations

import json
import logging
from typing import Any

import httpx
import pytest

from tests.server.conftest import PATIENCE, Serve, Served
from tests.server.test_live import START, receive, send, talking
from tts_hub.backend import BackendSettings
from tts_hub.errors import BackendUnavailableError, GenerationError, NoAudioError
from tts_hub.testing import FakeBackend, FakeScript
from tts_hub.types import Availability

SECRET = "cannot read /secret/weights"
FAILURES = [
    ({"error": OSError(SECRET)}, "generation_failed"),
    ({"error": GenerationError(SECRET, backend="fake")}, "generation_failed"),
    ({"error": BackendUnavailableError(SECRET, backend="fake")}, "engine_unavailable"),
    ({"error": NoAudioError(SECRET, backend="fake")}, "no_audio"),
]


def failing(fields: dict[str, Any]) -> FakeScript:
    return FakeScript(fail_at={0: 2}, **fields)


def is_harmless(change: dict[str, Any], kind: str) -> bool:
    assert (change["failed"], change["continued"], change["kind"]) == ("fake", "espeak", kind)
    assert change["error"].startswith("it ")
    return "secret" not in json.dumps(change)


@pytest.mark.parametrize(("fields", "kind"), FAILURES)
def test_captions_name_the_kind_of_a_failure_and_the_log_its_words(
    server: Served, caplog: pytest.LogCaptureFixture, fields: dict[str, Any], kind: str
) -> None:
    server.fake.script = failing(fields)
    body = {"model": "fake", "input": "one two three", "fallback": ["espeak"]}
    answer = httpx.post(f"{server.url}/v1/audio/speech/captions", json=body, timeout=PATIENCE)
    (change,) = json.loads(answer.text.splitlines()[-1])["done"]["fallbacks"]
    assert is_harmless(change, kind)
    server.until_free()
    assert kind in caplog.text
    assert (SECRET in caplog.text) == (kind != "no_audio"), "that one may quote the text"


@pytest.mark.parametrize(("fields", "kind"), FAILURES)
def test_a_conversation_names_the_kind_of_a_failure(
    server: Served, fields: dict[str, Any], kind: str
) -> None:
    server.fake.script = failing(fields)
    with talking(server) as socket:
        send(socket, START | {"fallback": ["espeak"]}, "one two three", {"type": "end"})
        (change,) = receive(socket)[0][-1]["report"]["fallbacks"]
    assert is_harmless(change, kind)


def test_a_conversation_reports_retakes_and_the_drawn_seed(server: Served) -> None:
    server.fake.script = FakeScript(retakes={0: ("repetition",)}, drawn_seed=7)
    with talking(server) as socket:
        send(socket, START, "one two three", {"type": "end"})
        report = receive(socket)[0][-1]["report"]
    assert report["retakes"] == [{"segment": 0, "backend": "fake", "reason": "repetition"}]
    assert report["seed"] == 7


@pytest.mark.parametrize(
    ("fields", "status"),
    [(fields, status) for (fields, _), status in zip(FAILURES, (500, 500, 503, 400), strict=True)],
)
def test_an_error_contains_no_more(
    server: Served, caplog: pytest.LogCaptureFixture, fields: dict[str, Any], status: int
) -> None:
    server.fake.script = FakeScript(fail_at={0: 0}, **fields)
    answer = server.speak()
    assert answer.status_code == status
    assert "secret" not in answer.text
    if status != 400:
        assert SECRET in caplog.text


def test_a_failure_of_loading_is_logged_and_not_sent(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    with serve(script=FakeScript(load_error=OSError(SECRET))) as server:
        answer = server.speak()
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "engine_unavailable")
    assert "secret" not in answer.text
    assert answer.headers["x-request-id"] in answer.json()["error"]["message"]
    assert SECRET in caplog.text


class Unsure(FakeBackend):
    """An engine whose own check fails."""

    def _available(self) -> Availability:
        raise OSError(SECRET)


class Silent(FakeBackend):
    """An engine that fails when its voices are listed."""

    async def voices(self) -> Any:
        raise OSError(SECRET)


def test_a_check_that_breaks_down_shows_without_its_words_in_health(serve: Serve) -> None:
    with serve(Unsure(BackendSettings(), name="unsure")) as server:
        health = httpx.get(f"{server.url}/health")
        answers = [health, server.speak(model="unsure")]
    assert health.json()["engines"]["unsure"]["reason"] == "its own code failed"
    assert not [answer for answer in answers if "secret" in answer.text]


def test_voices_that_cannot_be_listed_are_an_engine_that_is_not_available(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    with serve(Silent(name="silent")) as server:
        assert httpx.get(f"{server.url}/v1/audio/voices").status_code == 200
        answer = httpx.get(f"{server.url}/v1/audio/voices?model=silent")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "engine_unavailable")
    assert "secret" not in answer.text
    assert SECRET in caplog.text


def test_a_stream_without_fallbacks_logs_none(server: Served, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    server.speak()
    server.until_free()
    assert not caplog.records
