"""The limit of open files bounds the connections; others are refused, and the log says so once."""

from __future__ import annotations

import json
import resource
import socket
from contextlib import ExitStack
from functools import partial

import httpx
import pytest
from websockets.sync.client import connect

from tests.server.conftest import PATIENCE, Serve, Served, connected, raw_request, received, wait_for
from tests.server.test_shutdown import Running, running
from tts_hub.server import capacity
from tts_hub.server.capacity import OWN_FILES, Throttle, most_connections

HEALTH = raw_request(b"", "Host: localhost", "Connection: close", method="GET", path="/health")
FLOOD = 300
"""Connections, many more than there may be files."""


def refused(server: Served) -> dict[str, str]:
    """The error of a connection that is refused before it has sent anything."""
    with connected(server) as connection:
        head, _, body = received(connection).partition(b"\r\n\r\n")
    assert b" 503 " in head
    assert b"\r\nRetry-After: 5" in head
    assert b"\r\nconnection: close" in head
    error: dict[str, str] = json.loads(body)["error"]
    return error


def test_a_connection_too_many_gets_a_503_and_the_next_one_its_place(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    with serve(server={"max_connections": 3}) as server:
        with ExitStack() as stack:
            for _ in range(3):
                stack.enter_context(connected(server))
            wait_for(lambda: len(server.connections) == 3)
            assert refused(server)["code"] == "too_many_connections"
            assert refused(server)["type"] == "server_error"
        wait_for(lambda: not server.connections)
        with connected(server) as connection:
            connection.sendall(HEALTH)
            assert b" 200 " in received(connection)
        assert server.metric("tts_rejected_total", reason="too_many_connections") == 2
    assert len([record for record in caplog.records if "new ones are refused" in record.message]) == 1


def test_web_sockets_count_as_connections(serve: Serve) -> None:
    with serve(server={"max_connections": 1}) as server:
        with connect(f"ws://127.0.0.1:{server.address[1]}/v1/audio/speech/stream"):
            assert refused(server)["code"] == "too_many_connections"
        wait_for(lambda: not server.connections)
        assert httpx.get(f"{server.url}/health").status_code == 200


def test_a_client_that_sends_first_can_read_that_there_is_no_room(serve: Serve) -> None:
    with serve(server={"max_connections": 1}) as server, connected(server):
        wait_for(lambda: len(server.connections) == 1)
        answer = httpx.post(f"{server.url}/v1/audio/speech", content=b" " * 900_000)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


def test_of_very_many_too_many_most_are_closed_without_a_word(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(capacity, "MOST_LINGERING", 1)
    monkeypatch.setattr(capacity, "LINGER_SECONDS", PATIENCE)
    with serve(server={"max_connections": 1}) as server, connected(server):
        wait_for(lambda: len(server.connections) == 1)
        with connected(server) as lingering:
            assert b" 503 " in lingering.recv(4096)
            with connected(server) as connection:
                assert received(connection) == b""
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.parametrize(
    ("files", "wanted", "most"),
    [
        (1_024, 1_000, (1_024 - OWN_FILES) // 2),
        (16_384, 1_000, 1_000),
        (16_384, 0, (16_384 - OWN_FILES) // 2),
        (1_024, 5, 5),
        (32, 1_000, 8),
    ],
)
def test_the_limit_of_open_files_bounds_the_connections(
    monkeypatch: pytest.MonkeyPatch, files: int, wanted: int, most: int
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (files, 65_536))
    assert most_connections(wanted) == most


def test_an_event_that_happens_all_the_time_is_logged_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("tts_hub.server.capacity.time.monotonic", lambda: now[0])
    log = Throttle(30.0)
    assert [log.is_due(), log.is_due()] == [True, False]
    now[0] += 30.0
    assert [log.is_due(), log.is_due()] == [True, False]


def with_files(soft: int, hard: int) -> partial[None]:
    return partial(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))


def flood(server: Running, stack: ExitStack) -> list[socket.socket]:
    """Many connections that send nothing."""
    connections = []
    for _ in range(FLOOD):
        connection = stack.enter_context(socket.socket())
        connection.settimeout(PATIENCE)
        connection.connect(server.address)
        connections.append(connection)
    return connections


def test_the_soft_limit_of_open_files_is_raised_at_the_start() -> None:
    with running(preexec=with_files(128, 4_096)) as server, ExitStack() as stack:
        connections = flood(server, stack)
        for connection in connections:
            connection.sendall(HEALTH)
        assert all(b" 200 " in received(connection) for connection in connections)


def test_a_flood_beyond_the_limit_of_open_files_fills_no_log_and_passes() -> None:
    with running(preexec=with_files(128, 128), body_timeout="600") as server:
        with ExitStack() as stack:
            answers = [connection.recv(4096) for connection in flood(server, stack)[40:60]]
            assert {answer.split(b"\r\n")[0] for answer in answers} <= {
                b"HTTP/1.1 503 Service Unavailable",
                b"",
            }
            assert any(answers)
        wait_for(lambda: _is_well(server))
        server.signal()
        assert server.code(PATIENCE) == 0
        assert server.process.stderr is not None
        said = server.process.stderr.read()
    assert 1 <= said.count("\n") <= 4
    assert "Traceback" not in said


def _is_well(server: Running) -> bool:
    try:
        return httpx.get(f"{server.url}/health").status_code == 200
    except httpx.HTTPError:
        return False
