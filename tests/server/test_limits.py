"""Requests that are too large, too slow or not HTTP: a clear answer or a closed connection."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.server.conftest import PATIENCE, Serve, Served, connected, raw_request, received, speech_bytes
from tts_hub.testing import FakeScript

HOST = "Host: localhost"


def error_of(answer: bytes) -> tuple[int, dict[str, object]]:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"x-request-id: " in head.lower()
    assert b"connection: close" in head.lower()
    return int(head.split()[1]), json.loads(body)["error"]


def blanks(size: int) -> Iterator[bytes]:
    for _ in range(size // 100_000):
        yield b" " * 100_000


def test_a_body_of_50_mb_in_chunks_is_refused(server: Served) -> None:
    answer = httpx.post(f"{server.url}/v1/audio/speech", content=blanks(50_000_000))
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")


def test_a_client_that_sends_everything_before_it_reads_still_gets_the_refusal(server: Served) -> None:
    with connected(server) as connection:
        connection.sendall(raw_request(b" " * 50_000_000, HOST))
        status, error = error_of(received(connection))
    assert (status, error["code"]) == (413, "too_large")


def test_a_body_that_is_only_announced_is_refused_without_waiting_for_it(serve: Serve) -> None:
    with serve(server={"body_timeout": 60}) as server, connected(server) as connection:
        request = raw_request(b"", HOST, "Expect: 100-continue", "Content-Length: 99999999999", method="PUT")
        connection.sendall(request)
        assert error_of(received(connection))[0] == 413


def test_the_longest_text_can_be_configured(serve: Serve) -> None:
    with serve(server={"max_characters": 10}) as server:
        assert server.speak("a" * 10).status_code == 200
        answer = server.speak("a" * 11)
    assert answer.status_code == 413
    assert (answer.json()["error"]["param"], answer.headers["x-should-retry"]) == ("input", "false")


def test_a_body_that_does_not_come_in_time_is_given_up(serve: Serve) -> None:
    with serve(server={"body_timeout": 0.2}) as server, connected(server) as connection:
        connection.sendall(speech_bytes()[:-5])
        status, error = error_of(received(connection))
    assert (status, error["type"]) == (408, "invalid_request_error")


@pytest.mark.parametrize(
    "first", [b"", b"POST /v1/audio/speech HT", b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: "]
)
def test_a_head_that_does_not_come_in_time_is_given_up(serve: Serve, first: bytes) -> None:
    with serve(server={"body_timeout": 0.2}) as server, connected(server) as connection:
        connection.sendall(first)
        answer = received(connection)
    assert (error_of(answer)[0] == 408) if first else (answer == b"")


def test_a_head_that_drips_is_given_up_too(serve: Serve) -> None:
    with serve(server={"body_timeout": 0.5}) as server, connected(server) as connection:
        began = time.monotonic()
        connection.sendall(b"GET /health HTTP/1.1\r\n")
        with pytest.raises(OSError, match=r"reset|pipe"):
            while time.monotonic() - began < PATIENCE:
                connection.sendall(b"X: y\r\n")
                time.sleep(0.05)


def test_the_second_head_of_a_connection_has_to_come_in_time_too(serve: Serve) -> None:
    with serve(server={"body_timeout": 1.0}) as server, connected(server) as connection:
        for rest in (1.5, 0.0):  # between requests it may be longer
            connection.sendall(raw_request(b"", HOST, method="GET", path="/health"))
            answer = b""
            while not answer.endswith(b"}}"):
                answer += connection.recv(65_536)
            assert b" 200 " in answer
            time.sleep(rest)
        connection.sendall(b"GET /hea")
        assert error_of(received(connection))[0] == 408


def test_a_half_sent_next_request_does_not_cut_the_speech(serve: Serve) -> None:
    script = FakeScript(chunk_delay=0.1)
    with serve(script=script, server={"body_timeout": 0.1}) as server, connected(server) as connection:
        connection.sendall(speech_bytes("one two three four", response_format="pcm"))
        data = connection.recv(100)
        connection.sendall(b"GET /hea")
        while not data.endswith(b"0\r\n\r\n"):
            part = connection.recv(65_536)
            assert part, "cut off"
            data += part


@pytest.mark.parametrize(
    "header", ["X: " + "a" * 20_000, "X: " + "a" * 300_000, "\r\n".join(f"X-{n}: y" for n in range(3000))]
)
def test_headers_that_are_too_large_are_refused(server: Served, header: str) -> None:
    with connected(server) as connection:
        connection.sendall(raw_request(b"", HOST, header, method="GET", path="/health"))
        assert error_of(received(connection))[0] == 431


def test_a_header_that_never_ends_takes_no_memory(server: Served) -> None:
    with connected(server) as connection, pytest.raises(OSError, match=r"reset|pipe"):
        connection.sendall(b"GET /health HTTP/1.1\r\nX: ")
        for _ in range(5_000):
            connection.sendall(b"a" * 10_000)


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"NONSENSE / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: a\rb\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX\x00Y: b\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + b"9" * 5_000 + b"\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_bytes_that_are_not_http_get_an_error(server: Served, request_bytes: bytes) -> None:
    with connected(server) as connection:
        connection.sendall(request_bytes)
        status, error = error_of(received(connection))
    assert (status, error["type"]) == (400, "invalid_request_error")


def test_a_web_socket_handshake_that_cannot_be_read_is_refused(server: Served) -> None:
    upgrade = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13")
    key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
    path = "/v1/audio/speech/stream"
    with connected(server) as connection:
        connection.sendall(
            raw_request(b"", HOST, *upgrade, key, "X: " + "a" * 12_000, method="GET", path=path)
        )
        assert error_of(received(connection))[0] == 400


def test_an_id_with_more_than_letters_is_not_taken_over(server: Served) -> None:
    for given in ("a b", "<script>", "x" * 65, "a;b=c"):
        answer = httpx.get(f"{server.url}/health", headers={"x-request-id": given})
        assert answer.headers["x-request-id"].startswith("req_")
    answer = httpx.get(f"{server.url}/health", headers={"x-request-id": "mine-1.2_3"})
    assert answer.headers["x-request-id"] == "mine-1.2_3"


def test_other_streams_do_not_notice_an_attack(server: Served) -> None:
    server.fake.script = FakeScript(hold_at=10)
    body = {"model": "fake", "input": "one two three four five six", "response_format": "pcm"}
    with httpx.stream("POST", f"{server.url}/v1/audio/speech", json=body) as response:
        parts = response.iter_raw()
        data = next(parts)
        for attack in (b"\x00" * 100, b"GET / HTTP/1.1\r\nX: " + b"a" * 50_000, speech_bytes()[:-3]):
            with connected(server) as connection:
                connection.sendall(attack)
        server.script.hold_at = None
        data += b"".join(parts)
    assert len(data) / 2 / 24_000 == pytest.approx(6 * 0.3, abs=0.3)
