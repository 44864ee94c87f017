"""Refused WebSocket handshakes: an error in OpenAI's shape and an id, from every layer that refuses."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.server.conftest import Serve, Served, connected, raw_request, received

PATH = "/v1/audio/speech/stream"
UPGRADE = ("Host: localhost", "Connection: Upgrade", "Upgrade: websocket")
KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
VERSION = "Sec-WebSocket-Version: 13"


def refused(server: Served, *headers: str, path: str = PATH, method: str = "GET") -> tuple[int, Any, Any]:
    """Status, headers and error of a handshake that is refused."""
    with connected(server) as connection:
        connection.sendall(raw_request(b"", *UPGRADE, *headers, path=path, method=method))
        head, _, body = received(connection).partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    given = httpx.Headers([(name, value) for name, _, value in (line.partition(": ") for line in lines[1:])])
    assert given["content-type"] == "application/json"
    assert given["connection"] == "close"
    error = json.loads(body)["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return int(lines[0].split()[1]), given, error


@pytest.mark.parametrize(
    ("headers", "method", "status"),
    [
        ([KEY], "GET", 400),
        ([VERSION], "GET", 400),
        ([KEY, KEY, VERSION], "GET", 400),
        ([KEY, "Sec-WebSocket-Version: 8"], "GET", 400),
        (["Sec-WebSocket-Key: short", VERSION], "GET", 400),
        (["Content-Length: 5", KEY, VERSION], "GET", 400),
    ],
)
def test_an_invalid_handshake_is_refused_in_our_shape(
    server: Served, headers: list[str], method: str, status: int
) -> None:
    before = server.metric("tts_rejected_total", reason="invalid_handshake")
    answer = refused(server, *headers, method=method)
    assert answer[0] == status
    assert answer[1]["x-request-id"].startswith("req_")
    assert answer[1]["x-should-retry"] == "false"
    assert answer[2]["code"] == "invalid_handshake"
    assert server.metric("tts_rejected_total", reason="invalid_handshake") == before + 1


def test_a_handshake_by_another_method_is_refused_in_our_shape(server: Served) -> None:
    status, headers, error = refused(server, KEY, VERSION, method="DELETE")
    assert status in {400, 405}  # as the version of `websockets` has it
    assert (headers["x-should-retry"], error["code"]) == ("false", "invalid_handshake")


def test_a_refused_handshake_keeps_the_id_that_its_client_gave(server: Served) -> None:
    assert refused(server, KEY, "x-request-id: mine-1")[1]["x-request-id"] == "mine-1"


@pytest.mark.parametrize("path", ["/", "/v1/audio/speech", "/nowhere%0a?key=x"])
def test_where_no_web_socket_is_served_there_is_an_error_to_read(server: Served, path: str) -> None:
    status, headers, error = refused(server, KEY, VERSION, path=path)
    assert (status, error["code"]) == (404, "unknown_url")
    assert headers["x-request-id"]
    assert "key=x" not in error["message"]


def test_a_client_without_a_key_learns_nothing_about_the_paths(serve: Serve) -> None:
    with serve(server={"api_keys": ["k"]}) as server:
        for path in ("/nowhere", PATH):
            status, headers, error = refused(server, KEY, VERSION, path=path)
            assert (status, error["code"]) == (401, "invalid_api_key")
            assert headers["x-request-id"]


def test_clients_without_a_key_do_not_fill_the_log(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    with serve(server={"api_keys": ["k"]}) as server:
        for headers in ([KEY], [KEY, VERSION]):
            refused(server, *headers)
    assert not [record for record in caplog.records if record.levelname in {"WARNING", "ERROR"}]


def test_the_unknown_url_is_readable_for_a_real_client(server: Served) -> None:
    url = f"ws://127.0.0.1:{server.address[1]}/v2/stream"
    with pytest.raises(InvalidStatus) as caught, connect(url):
        pass
    assert json.loads(caught.value.response.body or b"")["error"]["message"] == "no such URL: WS /v2/stream"
