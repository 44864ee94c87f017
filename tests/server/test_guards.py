"""Who may call: keys, host names, origins."""

from __future__ import annotations

import hashlib
import json
import logging

import httpx
import pytest
from starlette.testclient import TestClient
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from tests.server.conftest import Serve, Served
from tts_hub.config import Config, ServerConfig, parse_config
from tts_hub.errors import ConfigError
from tts_hub.server import create_app
from tts_hub.server.run import check_exposure

SPEECH = {"model": "fake", "input": "Hello.", "response_format": "pcm"}
LISTS = ("/v1/models", "/v1/models/fake", "/v1/audio/models", "/v1/audio/voices")


def socket_url(server: Served) -> str:
    return f"ws://127.0.0.1:{server.address[1]}/v1/audio/speech/stream"


def test_any_of_several_keys_opens_also_one_kept_as_a_digest(serve: Serve) -> None:
    digest = hashlib.sha256(b"second").hexdigest()
    with serve(server={"api_keys": ["first", f"sha256:{digest}"]}) as server:
        for key in ("first", "second"):
            headers = {"authorization": f"bearer {key}"}
            answer = httpx.post(f"{server.url}/v1/audio/speech", json=SPEECH, headers=headers)
            assert answer.status_code == 200
        for headers in ({}, {"authorization": "Bearer third"}, {"authorization": f"Bearer sha256:{digest}"}):
            answer = httpx.post(f"{server.url}/v1/audio/speech", json=SPEECH, headers=headers)
            assert answer.status_code == 401
            assert answer.json()["error"]["code"] == "invalid_api_key"
            assert answer.headers["x-should-retry"] == "false"
            assert answer.headers["x-request-id"]


@pytest.mark.parametrize(
    "path", ["/metrics", "/docs/nowhere", "/nowhere", "/v1/audio/speech", "/dev/captioned_speech"]
)
def test_all_but_the_catalogue_health_and_the_documentation_is_behind_the_key(
    serve: Serve, path: str
) -> None:
    with serve(server={"api_keys": ["k"]}) as server:
        assert httpx.get(server.url + path).status_code == 401
        assert httpx.get(f"{server.url}/health").status_code == 200
        assert {httpx.get(server.url + name).status_code for name in LISTS} == {200}


def test_the_catalogue_can_be_closed(serve: Serve) -> None:
    with serve(server={"api_keys": ["k"], "public_catalogue": False}) as server:
        assert {httpx.get(server.url + name).status_code for name in LISTS} == {401}
        headers = {"authorization": "Bearer k"}
        assert {httpx.get(server.url + name, headers=headers).status_code for name in LISTS} == {200}


def test_a_web_socket_takes_its_key_as_header_or_subprotocol(serve: Serve) -> None:
    with serve(server={"api_keys": ["k"]}) as server:
        with connect(socket_url(server), additional_headers={"authorization": "Bearer k"}):
            pass
        protocols = [Subprotocol(name) for name in ("realtime", "openai-insecure-api-key.k")]
        with connect(socket_url(server), subprotocols=protocols) as socket:
            assert socket.subprotocol == "realtime"
        with pytest.raises(InvalidStatus) as caught, connect(socket_url(server)):
            pass
        response = caught.value.response
        assert response.status_code == 401
        assert json.loads(response.body or b"")["error"]["code"] == "invalid_api_key"
        assert response.headers["x-request-id"]


@pytest.mark.parametrize("key", ["", " ", "sha256:", "sha256:abc", "sha256:" + "g" * 64])
def test_a_key_that_cannot_be_one_stops_the_start(key: str) -> None:
    with pytest.raises(ConfigError, match=r"server\.api_keys"):
        create_app(Config(server=ServerConfig(api_keys=(key,))))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "example.org"])
def test_listening_beyond_this_machine_takes_a_key_or_insistence(host: str) -> None:
    with pytest.raises(ConfigError, match="api_keys"):
        check_exposure(ServerConfig(host=host), insecure=False)
    check_exposure(ServerConfig(host=host), insecure=True)
    check_exposure(ServerConfig(host=host, api_keys=("k",)), insecure=False)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_this_machine_needs_no_key(host: str) -> None:
    check_exposure(ServerConfig(host=host), insecure=False)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LOCALHOST:1234", 200),
        ("127.0.0.1:80", 200),
        ("[::1]:8880", 200),
        ("voice.lan", 200),
        ("evil.example", 421),
        ("localhost.evil.example", 421),
        ("127.0.0.1.nip.io", 421),
        ("", 421),
        ("localhost/evil", 400),
        ("localhost/", 400),
        ("user@localhost", 400),
        ("user:secret@localhost", 400),
        ("localhost?x", 400),
        ("localhost#x", 400),
        ("local host", 400),
        ("localhost:", 200),
        ("localhost:65535", 200),
        ("localhost:65536", 400),
        ("localhost:-1", 400),
        ("localhost:abc", 400),
        ("localhost:80:80", 400),
        ("localhost:000000080", 400),
        ("[::1", 400),
        ("[::1]x", 400),
        ("[localhost]", 400),
        ("[::g]", 400),
        ("::1", 400),
        ("http://localhost", 400),
        ("localhost, localhost", 400),
    ],
)
def test_only_known_host_names_are_served(serve: Serve, host: str, status: int) -> None:
    with serve(server={"allowed_hosts": ["Voice.lan"]}) as server:
        answer = httpx.get(f"{server.url}/v1/models", headers={"host": host})
    assert answer.status_code == status
    if status != 200:
        assert answer.json()["error"]["type"] == "invalid_request_error"
        assert answer.headers["x-request-id"]


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1"])
def test_pages_of_other_origins_may_not_speak(server: Served, origin: str) -> None:
    headers = {"origin": origin, "content-type": "text/plain"}
    answer = httpx.post(f"{server.url}/v1/audio/speech", json=SPEECH, headers=headers)
    assert answer.status_code == 403
    with pytest.raises(InvalidStatus) as caught, connect(socket_url(server), origin=Origin(origin)):
        pass
    assert caught.value.response.status_code == 403


def test_pages_of_the_server_itself_may_speak(server: Served) -> None:
    headers = {"origin": server.url}
    assert httpx.post(f"{server.url}/v1/audio/speech", json=SPEECH, headers=headers).status_code == 200
    with connect(socket_url(server), origin=Origin(server.url)):
        pass


def test_no_page_elsewhere_can_read_an_answer_unless_configured(server: Served) -> None:
    answer = httpx.get(f"{server.url}/v1/models", headers={"origin": "https://evil.example"})
    assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_docs_can_be_switched_off(serve: Serve, server: Served) -> None:
    assert httpx.get(f"{server.url}/docs").status_code == 200
    with serve(server={"docs": False}) as bare:
        answers = [httpx.get(bare.url + path) for path in ("/docs", "/docs/oauth2-redirect", "/openapi.json")]
    assert {(answer.status_code, answer.json()["error"]["code"]) for answer in answers} == {
        (404, "unknown_url")
    }


def test_neither_keys_nor_texts_are_logged(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with serve(server={"api_keys": ["top-secret-key"]}) as server:
        url = f"{server.url}/v1/audio/speech"
        headers = {"authorization": "Bearer top-secret-key"}
        text = "A confidential sentence."
        for extra in ({}, {"voice": "confidential"}, {"speed": "confidential"}, {"stream_format": "sse"}):
            httpx.post(url, json=SPEECH | {"input": text} | extra, headers=headers)
        server.script.fail_at = {0: 2}
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.post(url, json=SPEECH | {"input": text * 3}, headers=headers)
        httpx.post(f"{url}?key=top-secret-key", json=SPEECH | {"input": text})
        url = f"{socket_url(server)}?key=top-secret-key"
        with connect(url, additional_headers=headers) as socket:
            socket.send(json.dumps({"type": "start", "model": "fake"}))
            socket.send(json.dumps({"type": "confidential"}))
            socket.recv(10)
        server.until_free()
    ours = [r for r in caplog.records if not r.name.startswith(("httpx", "httpcore", "websockets"))]
    logged = "\n".join(logging.Formatter().format(record) for record in ours)
    assert "POST" in logged
    assert "top-secret" not in logged
    assert "confidential" not in logged


def test_no_key_is_no_key_even_where_its_digest_is_configured() -> None:
    app = create_app(parse_config({"server": {"api_keys": ["sha256:" + hashlib.sha256(b"").hexdigest()]}}))
    with TestClient(app, base_url="http://localhost") as client:
        assert client.get("/metrics").status_code == 401


@pytest.mark.parametrize(
    ("host", "status"), [("evil.example", 421), ("192.168.7.7", 200), ("localhost", 200)]
)
def test_without_keys_a_wildcard_address_answers_to_no_borrowed_name(host: str, status: int) -> None:
    app = create_app(parse_config({"server": {"host": "0.0.0.0"}}))
    with TestClient(app, base_url=f"http://{host}") as client:
        assert client.get("/health").status_code == status
