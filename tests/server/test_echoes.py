"""Errors quote what a client sent, shortened, in whatever part of the request it was."""

from __future__ import annotations

import json
import logging
import time
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from tests.server.conftest import PATIENCE, Served, connected, raw_request, received, wait_for
from tts_hub.errors import MOST_SHOWN, one_of, shown

LONG = "x" * 500_000
MOST = 1_200
"""The most bytes of an error: a line of text, and the names that exist."""


@pytest.mark.parametrize("engine", ["fake", "espeak"])
@pytest.mark.parametrize(
    "fields",
    [
        {"model": LONG},
        {"voice": LONG},
        {"voice": {"id": LONG}},
        {"voice": {LONG: 1}},
        {"voice": [LONG]},
        {"voice": "en+" + LONG},
        {"language": LONG},
        {"language": "de", "voice": LONG},
        {"response_format": LONG},
        {"stream_format": LONG},
        {"speed": LONG},
        {"speed": [LONG]},
        {"seed": LONG},
        {"sample_rate": LONG},
        {"markup": LONG},
        {"fallback": [LONG]},
        {"fallback": LONG},
        {"options": {LONG: 1}},
        {"options": {"gain": LONG}},
        {"options": {LONG[:400_000]: {LONG[:400_000]: 1}}},
        {"options": LONG},
        {"input": f"Hello. [pause:{LONG[:90_000]}]"},
        {"input": {"a": LONG}},
    ],
    ids=lambda fields: "-".join(f"{name}:{type(value).__name__}" for name, value in fields.items()),
)
def test_an_error_shows_the_beginning_of_a_value(server: Served, engine: str, fields: dict[str, Any]) -> None:
    answer = httpx.post(
        f"{server.url}/v1/audio/speech",
        json={"model": engine, "input": "Hi."} | fields,
        timeout=PATIENCE,
    )
    if answer.status_code == 200:  # some fields are anything to some engines
        assert "input" in fields
        return
    assert answer.status_code in {400, 404}
    assert len(answer.content) < MOST, answer.text[:3_000]
    assert "x" * 101 not in answer.text
    assert len(answer.json()["error"]["param"] or "") <= 101


@pytest.mark.parametrize(
    "path",
    [
        f"/{LONG[:8_000]}",
        f"/v1/models/{LONG[:8_000]}",
        f"/v1/audio/voices?model={LONG[:8_000]}",
        f"/v1/models/{LONG[:8_000]}/pull",
    ],
    ids=["nowhere", "model", "voices", "pull"],
)
def test_a_path_is_shortened_in_the_error_and_in_the_log(
    server: Served, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    caplog.set_level(logging.INFO, "tts_hub")
    answer = httpx.request("POST" if "pull" in path else "GET", server.url + path, json={})
    assert answer.status_code == 404
    assert len(answer.content) < MOST
    assert "x" * 101 not in answer.text

    def lines() -> list[str]:
        return [record.getMessage() for record in caplog.records if record.name.startswith("tts_hub")]

    wait_for(lambda: bool(lines()))  # it is written behind the answer
    assert max(map(len, lines())) < 250


@pytest.mark.parametrize("header", ["Host", "X-Request-Id", "Origin"])
def test_a_header_is_shortened_too(server: Served, header: str) -> None:
    others = [] if header == "Host" else ["Host: localhost"]
    headers = [*others, f"{header}: {LONG[:9_000]}", "Connection: close"]
    with connected(server) as connection:
        connection.sendall(raw_request(b"{}", *headers, path="/v1/audio/speech"))
        answer = received(connection)
    assert len(answer) < MOST
    assert b"x" * 101 not in answer


@pytest.mark.parametrize("header", ["Sec-WebSocket-Version", "Sec-WebSocket-Key"])
def test_a_refused_handshake_is_short(server: Served, header: str) -> None:
    usual = {"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
    headers = [f"{name}: {value}" for name, value in (usual | {header: LONG[:7_000]}).items()]
    request = raw_request(
        b"", "Host: localhost", "Connection: Upgrade", "Upgrade: websocket", *headers, method="GET"
    )
    with connected(server) as connection:
        connection.sendall(request)
        answer = received(connection)
    assert b" 400 " in answer.partition(b"\r\n")[0]
    assert len(answer) < 2 * MOST


@pytest.mark.parametrize(
    "message",
    [
        {"type": LONG[:200_000]},
        {"type": "start", "model": LONG[:200_000]},
        {"type": "start", "model": "fake", "voice": LONG[:200_000]},
        {"type": "start", "model": "fake", "speed": LONG[:200_000]},
        {"type": "start", "model": "fake", "options": {LONG[:100_000]: {LONG[:100_000]: 1}}},
        {"type": "text", "text": [LONG[:200_000]]},
    ],
)
def test_an_error_on_a_web_socket_is_short(server: Served, message: dict[str, Any]) -> None:
    with connect(f"ws://127.0.0.1:{server.address[1]}/v1/audio/speech/stream") as socket:
        socket.send(json.dumps(message))
        if message["type"] == "start":
            socket.send(json.dumps({"type": "text", "text": "Hello."}))
            socket.send(json.dumps({"type": "end"}))
        error = socket.recv(PATIENCE)
    assert isinstance(error, str)
    assert json.loads(error)["type"] == "error"
    assert len(error) < MOST
    assert "x" * 101 not in error


def test_a_value_is_shown_in_quotes_and_cut() -> None:
    assert shown("short") == "'short'"
    assert shown("y" * 78) == "'" + "y" * 78 + "'"
    assert shown("y" * 79) == "'" + "y" * 79 + "…"
    assert len(shown("\x00" * 500_000)) == MOST_SHOWN + 1
    assert shown({"a": "b" * 500})[-1] == "…"
    assert shown(None) == "None"
    assert shown("\ud800") == r"'\ud800'"


def test_the_nearest_of_many_names_to_a_very_long_one_is_not_looked_for_long() -> None:
    began = time.process_time()
    assert one_of(LONG, [f"voice{n}" for n in range(500)]).startswith("possible: voice0, ")
    assert time.process_time() - began < 5


def test_a_long_name_that_exists_is_still_found(server: Served) -> None:
    answer = server.speak(options={"gain" + "x" * 200: 1})
    assert json.loads(answer.text)["error"]["message"].count("x") < 101
