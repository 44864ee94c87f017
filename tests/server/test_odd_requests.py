"""HTTP that clients of an API do not send: one answer in our shape, and nothing in the log."""

from __future__ import annotations

import json
import logging

import pytest

from tests.server.conftest import Serve, Served, connected, raw_request, received, speech_bytes, wait_for
from tts_hub.testing import FakeScript

HOST = "Host: localhost"
CLOSE = "Connection: close"
OFFER = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA")
WEBSOCKET = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
)
STREAM = "/v1/audio/speech/stream"


def answers(data: bytes) -> list[tuple[int, bytes]]:
    """The status and body of each of several answers, which all have a length."""
    found = []
    while data:
        head, _, data = data.partition(b"\r\n\r\n")
        (length,) = [
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        ]
        found.append((int(head.split()[1]), data[:length]))
        data = data[length:]
    return found


def refused(server: Served, request: bytes) -> tuple[int, str]:
    """The status and code of the one answer, after which the connection is closed."""
    with connected(server) as connection:
        connection.sendall(request)
        ((status, body),) = answers(received(connection))
    return status, json.loads(body)["error"]["code"]


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"CONNECT x:1 HTTP/1.1\r\n\r\n",
        b"CONNECT x:1 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"CONNECT x:1 HTTP/1.0\r\n\r\n",
        b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\nContent-Length: 5\r\n\r\nhello",
        b"CONNECT /health HTTP/1.1\r\nHost: localhost\r\n\r\n",
        raw_request(b"", HOST, *WEBSOCKET, method="CONNECT", path=STREAM),
        raw_request(b"", HOST, *OFFER, method="CONNECT", path="x:1"),
    ],
)
def test_a_tunnel_is_refused_once_and_in_our_shape(
    serve: Serve, caplog: pytest.LogCaptureFixture, request_bytes: bytes
) -> None:
    with serve(server={"api_keys": ["k"]}) as server:
        with connected(server) as connection:
            connection.sendall(request_bytes)
            answer = received(connection)
        assert server.metric("tts_rejected_total", reason="method_not_supported") == 1
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b" 405 " in head
    assert b"\r\nAllow: GET, HEAD, POST, OPTIONS" in head
    assert b"\r\nx-request-id: req_" in head
    assert json.loads(body)["error"]["code"] == "method_not_supported"
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize(
    ("request_line", "status", "code"),
    [
        ("TRACE /health HTTP/1.1", 405, "method_not_supported"),
        ("M-SEARCH /health HTTP/1.1", 405, "method_not_supported"),
        ("OPTIONS * HTTP/1.1", 404, "unknown_url"),
        ("get /health HTTP/1.1", 400, "invalid_http"),
        ("NONSENSE /health HTTP/1.1", 400, "invalid_http"),
        ("PRI * HTTP/2.0", 400, "invalid_http"),
        ("GET health HTTP/1.1", 400, "invalid_http"),
        ("GET localhost:80 HTTP/1.1", 400, "invalid_http"),
        ("GET ftp://localhost/health HTTP/1.1", 400, "invalid_http"),
        ("GET http:///health HTTP/1.1", 400, "invalid_http"),
    ],
)
def test_odd_request_lines_get_an_error_and_no_line_in_the_log(
    server: Served, caplog: pytest.LogCaptureFixture, request_line: str, status: int, code: str
) -> None:
    request = "\r\n".join([request_line, HOST, CLOSE, "", ""]).encode()
    assert refused(server, request) == (status, code)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize(
    ("target", "host", "status", "code"),
    [
        ("http://localhost/v1/models/none", "localhost", 404, "model_not_found"),
        ("HTTPS://LOCALHOST:8880/v1/models/none", "localhost", 404, "model_not_found"),
        ("http://localhost/v1/models/none", "evil.example", 404, "model_not_found"),
        ("http://localhost/none", "localhost", 404, "unknown_url"),
        ("http://evil.example/v1/models/none", "localhost", 421, "host_not_allowed"),
        ("http://user@localhost/v1/models/none", "localhost", 400, "invalid_host"),
        ("http://localhost:99999/v1/models/none", "localhost", 400, "invalid_host"),
    ],
)
def test_the_host_in_a_target_is_the_one_that_counts(
    server: Served, target: str, host: str, status: int, code: str
) -> None:
    request = raw_request(b"", f"Host: {host}", CLOSE, method="GET", path=target)
    assert refused(server, request) == (status, code)


@pytest.mark.parametrize("target", ["http://localhost", "http://localhost?x=1"])
def test_a_target_without_a_path_is_the_page(server: Served, target: str) -> None:
    with connected(server) as connection:
        connection.sendall(raw_request(b"", HOST, CLOSE, method="GET", path=target))
        assert received(connection).startswith(b"HTTP/1.1 200 ")


def test_two_host_headers_are_too_many_beside_a_target_with_a_host(server: Served) -> None:
    request = raw_request(b"", HOST, HOST, CLOSE, method="GET", path="http://localhost/v1/models")
    assert refused(server, request) == (400, "invalid_host")


def test_a_web_socket_may_be_opened_by_a_target_with_a_host(server: Served) -> None:
    request = raw_request(b"", HOST, *WEBSOCKET, method="GET", path=f"http://localhost{STREAM}")
    with connected(server) as connection:
        connection.sendall(request)
        assert connection.recv(4096).startswith(b"HTTP/1.1 101 ")


@pytest.mark.parametrize("expected", ["100-continue", "100-Continue", "nonsense"])
def test_an_expectation_is_met_or_ignored(server: Served, expected: str) -> None:
    request = raw_request(b"{}", HOST, CLOSE, f"Expect: {expected}")
    with connected(server) as connection:
        connection.sendall(request)
        answer = received(connection).removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert answers(answer)[0][0] == 400


def chunked(body: bytes) -> bytes:
    return b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


@pytest.mark.parametrize("pieces", [1, 2, 7])
@pytest.mark.parametrize("is_chunked", [False, True])
def test_requests_that_offer_http_2_keep_their_bodies_also_one_after_the_other(
    server: Served, pieces: int, is_chunked: bool
) -> None:
    body = json.dumps({"model": "fake", "input": "Hi.", "speed": 99}).encode()
    one = raw_request(body, HOST, *OFFER)
    if is_chunked:
        head = raw_request(b"", HOST, *OFFER, "Transfer-Encoding: chunked")
        one = head.replace(b"Content-Length: 0\r\n", b"") + chunked(body)
    last = raw_request(b"", HOST, CLOSE, method="GET", path="/v1/models/none")
    data = one * 3 + last
    size = -(-len(data) // pieces)
    with connected(server) as connection:
        for start in range(0, len(data), size):
            connection.sendall(data[start : start + size])
        given = answers(received(connection))
    assert [status for status, _ in given] == [400, 400, 400, 404]
    assert {json.loads(body)["error"]["param"] for _, body in given[:3]} == {"speed"}


def test_a_thousand_offers_in_one_go_are_no_recursion(
    server: Served, caplog: pytest.LogCaptureFixture
) -> None:
    one = raw_request(b"", HOST, "Connection: Upgrade", "Upgrade: h2c", method="GET", path="/v1/models/none")
    with connected(server) as connection:
        connection.sendall(one * 1_200 + raw_request(b"", HOST, CLOSE, method="GET", path="/health"))
        data = received(connection)
    assert data.count(b"HTTP/1.1 404 ") == 1_200
    assert b'"status":"ok"' in data
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_an_upgrade_offer_with_an_invalid_body_is_an_error(server: Served) -> None:
    head = raw_request(b"", HOST, *OFFER, "Transfer-Encoding: chunked").replace(b"Content-Length: 0\r\n", b"")
    assert refused(server, head + b"zz\r\n") == (400, "invalid_http")


def test_a_web_socket_does_not_begin_inside_an_answer(server: Served) -> None:
    server.fake.script = FakeScript(stall_at=0)
    handshake = raw_request(b"", HOST, *WEBSOCKET, method="GET", path=STREAM)
    with connected(server) as connection:
        connection.sendall(speech_bytes())
        wait_for(lambda: server.fake.active == 1)
        connection.sendall(handshake)
        assert b"101" not in received(connection)
    server.script.stall_at = None


def test_speech_that_breaks_off_is_no_fault_of_uvicorns(
    server: Served, caplog: pytest.LogCaptureFixture
) -> None:
    server.fake.script = FakeScript(fail_at={0: 5})
    with connected(server) as connection:
        connection.sendall(speech_bytes("one two three four", response_format="pcm"))
        data = received(connection)
    assert b" 200 " in data
    assert not data.endswith(b"0\r\n\r\n")
    server.until_free()
    assert any("broke off" in record.message for record in caplog.records)
    assert not [record for record in caplog.records if record.name.startswith("uvicorn")]
