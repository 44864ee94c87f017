"""Which engine, voice and language a request over HTTP or WebSocket gets that names no model."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.server.conftest import PATIENCE, Served
from tests.server.test_live import receive, send, talking

GERMAN = "Guten Morgen, wie geht es Ihnen heute?"


def asked(server: Served, path: str = "/v1/audio/speech", **fields: Any) -> httpx.Response:
    return httpx.post(server.url + path, json={"model": "tts-1", "input": GERMAN} | fields, timeout=PATIENCE)


@pytest.mark.parametrize(
    ("fields", "language"),
    [
        ({"voice": "alloy"}, "de"),
        ({"voice": "alloy", "language": "en-AU"}, "en-GB"),
        ({"voice": "en-gb+f3"}, "en-GB"),
        ({"voice": "alloy", "input": "Hello."}, "en-US"),
    ],
)
def test_a_header_says_which_language_is_spoken(
    server: Served, fields: dict[str, Any], language: str
) -> None:
    assert asked(server, **fields).headers["content-language"] == language


def test_lines_with_progress_say_which_language_the_text_was_seen_to_be_in(server: Served) -> None:
    answer = asked(server, "/v1/audio/speech/captions", voice="alloy", progress=True)
    lines = [json.loads(line) for line in answer.text.splitlines()]
    done = lines[-1]["done"]
    assert (done["language"], done["detected_language"]) == ("de", "de")
    steps = [line["progress"] for line in lines if "progress" in line]
    (notice,) = [step["message"] for step in steps if step["stage"] == "notice"]
    assert notice.startswith("the text seems to be in 'de': voice 'de+Andrea' of espeak speaks it")


def test_a_conversation_reports_the_language(server: Served) -> None:
    with talking(server) as socket:
        send(socket, {"type": "start", "model": "tts-1"}, *GERMAN.split(", "), " Sehr gut.", {"type": "end"})
        report = receive(socket)[0][-1]["report"]
    assert (report["backend"], report["language"], report["detected_language"]) == ("espeak", "de", "de")
    assert report["fallbacks"] == []


def test_an_unknown_voice_is_one_plain_error(server: Served) -> None:
    error = asked(server, voice="en-gbb").json()["error"]
    assert error["param"] == "voice"
    assert error["message"].startswith("unknown voice 'en-gbb'; did you mean 'en-gb'")


def test_the_estimate_is_of_the_engine_that_speaks_the_language(server: Served) -> None:
    assert asked(server, "/v1/audio/estimate", voice="alloy").json()["backend"] == "espeak"
