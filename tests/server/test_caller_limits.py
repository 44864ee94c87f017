"""One key, or one address where there are no keys, may have only so many requests and WebSockets open."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.server.conftest import PATIENCE, Serve, Served, connected, raw_request, wait_for
from tts_hub.config import Config, parse_config
from tts_hub.errors import ConfigError
from tts_hub.server.limits import caller_of

KEYS = {"api_keys": ["first", "second"]}
ANY = {"max_streams": 0, "max_websockets": 0}


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


@contextmanager
def holding(server: Served, places: int, key: str = "none") -> Generator[None, None, None]:
    """Keep this many requests waiting for an engine that gives nothing."""
    before = server.metric("tts_requests_in_flight")
    server.script.stall_at = 0
    body = json.dumps({"model": "fake", "input": "Hi."}).encode()
    request = raw_request(body, "Host: localhost", f"Authorization: Bearer {key}")
    with ExitStack() as stack:
        for _ in range(places):
            stack.enter_context(connected(server)).sendall(request)
        wait_for(lambda: server.metric("tts_requests_in_flight") == before + places)
        yield


def post(server: Served, path: str = "/v1/audio/speech", key: str = "none") -> httpx.Response:
    body = {"model": "none", "input": "Hi."}
    return httpx.post(server.url + path, json=body, headers=bearer(key))


def socket_to(server: Served, key: str = "none", **options: Any) -> ClientConnection:
    url = f"ws://127.0.0.1:{server.address[1]}/v1/audio/speech/stream"
    socket: ClientConnection = connect(url, additional_headers=bearer(key), **options)
    return socket


@pytest.mark.parametrize(
    "path", ["/v1/audio/speech", "/v1/audio/speech/captions", "/dev/captioned_speech", "/v1/models/none/pull"]
)
def test_one_request_too_many_of_an_address_gets_a_429(serve: Serve, path: str) -> None:
    with serve(server={"max_streams": 2}) as server:
        with holding(server, 2):
            answer = post(server, path)
            assert httpx.get(f"{server.url}/v1/models").status_code == 200, "only what makes something counts"
        server.script.stall_at = None
        wait_for(lambda: post(server, path).status_code == 404)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "5")
    error = answer.json()["error"]
    assert (error["type"], error["code"]) == ("rate_limit_error", "rate_limit_exceeded")
    assert "this address has 2 requests open" in error["message"]
    assert "server.max_streams" in error["message"]


def test_a_refused_request_is_counted(serve: Serve) -> None:
    with serve(server={"max_streams": 1}) as server, holding(server, 1):
        post(server)
        assert server.metric("tts_rejected_total", reason="rate_limit_exceeded") == 1


def test_each_key_has_a_limit_of_its_own(serve: Serve) -> None:
    with serve(server={"max_streams": 1} | KEYS) as server, holding(server, 1, "first"):
        refused = post(server, key="first")
        assert (refused.status_code, post(server, key="second").status_code) == (429, 404)
        assert post(server, key="third").status_code == 401
    assert "this key has 1 request" in refused.json()["error"]["message"]


def test_a_limit_can_be_switched_off(serve: Serve) -> None:
    with serve(server=ANY) as server, holding(server, 5):
        assert post(server).status_code == 404


def test_the_usual_limits_leave_one_user_alone(serve: Serve) -> None:
    with serve(limits={"max_queue": 100}) as server, holding(server, 60), ExitStack() as stack:
        assert post(server).status_code == 404
        for _ in range(20):
            stack.enter_context(socket_to(server)).ping().wait(PATIENCE)


def test_a_web_socket_beyond_the_limit_gets_an_error_and_is_closed(serve: Serve) -> None:
    with serve(server={"max_websockets": 1} | KEYS) as server:
        with socket_to(server, "first") as first:
            first.ping().wait(PATIENCE)
            with socket_to(server, "second") as other:
                other.ping().wait(PATIENCE)
            with socket_to(server, "first", subprotocols=[Subprotocol("realtime")]) as refused:
                error = json.loads(refused.recv(PATIENCE))
                with pytest.raises(ConnectionClosed) as caught:
                    refused.recv(PATIENCE)
            assert refused.subprotocol == "realtime", "without it, a browser gives up"
            assert server.metric("tts_rejected_total", reason="rate_limit_exceeded") == 1
            first.send(json.dumps({"type": "start", "model": "none"}))
            assert json.loads(first.recv(PATIENCE))["error"]["code"] == "model_not_found"
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1013
        assert (error["type"], error["error"]["code"]) == ("error", "rate_limit_exceeded")
        assert "this key has 1 WebSocket" in error["error"]["message"]
        wait_for(lambda: not server.connections)
        with socket_to(server, "first") as again:
            again.ping().wait(PATIENCE)


@pytest.mark.parametrize("setting", ["max_streams", "max_websockets", "max_connections"])
def test_a_limit_below_zero_is_no_limit(setting: str) -> None:
    with pytest.raises(ConfigError, match=setting):
        parse_config({"server": {setting: -1}})
    assert getattr(Config().server, setting) >= 64


@pytest.mark.parametrize(
    ("host", "caller"),
    [
        ("192.168.1.7", "192.168.1.7"),
        ("::ffff:192.168.1.7", "192.168.1.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::99", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("/run/socket", "/run/socket"),
        (None, ""),
    ],
)
def test_an_address_is_one_customers(host: str | None, caller: str) -> None:
    client = None if host is None else (host, 5)
    assert caller_of({"type": "http", "client": client, "state": {}}) == caller
    assert caller_of({"type": "http", "client": client, "state": {"caller": "digest"}}) == "digest"
