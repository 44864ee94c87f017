"""HTTP/1.0, and requests with two names for one server."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.audio.decoding import decode, decode_s16le
from tests.server.conftest import Served, connected, raw_request, received, speech_bytes, wait_for
from tts_hub.testing import FakeScript

HOST = "Host: localhost"


def old(request: bytes) -> bytes:
    return request.replace(b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", 1)


def parted(answer: bytes) -> tuple[str, bytes]:
    head, _, body = answer.partition(b"\r\n\r\n")
    return head.decode().lower(), body


def test_an_old_client_gets_a_body_without_chunks_that_ends_with_the_connection(server: Served) -> None:
    with connected(server) as connection:
        connection.sendall(old(speech_bytes("one two three", response_format="pcm")))
        head, body = parted(received(connection))
    assert " 200 " in head
    assert "transfer-encoding" not in head
    assert "content-length" not in head
    assert "connection: close" in head
    assert len(decode_s16le(body)) / 24_000 == pytest.approx(0.9, abs=0.2)


def test_an_old_client_gets_its_errors_with_a_length(server: Served) -> None:
    with connected(server) as connection:
        connection.sendall(old(speech_bytes(voice="nobody")))
        head, body = parted(received(connection))
    assert f"content-length: {len(body)}" in head
    assert json.loads(body)["error"]["param"] == "voice"


def test_an_old_client_sees_that_the_speech_broke_off(server: Served) -> None:
    server.fake.script = FakeScript(fail_at={0: 5}, chunk_delay=0.02)
    with connected(server) as connection:
        connection.sendall(old(speech_bytes("one two three four", response_format="pcm")))
        with pytest.raises(ConnectionResetError):
            while connection.recv(65_536):
                pass


def test_an_old_client_that_hangs_up_frees_the_engine(server: Served) -> None:
    server.fake.script = FakeScript(hold_at=5)
    with connected(server) as connection:
        connection.sendall(old(speech_bytes("one two three four five six")))
        wait_for(lambda: server.fake.active > 0)
    server.until_free()


def test_an_old_client_that_offers_another_protocol_stays_one(server: Served) -> None:
    request = old(speech_bytes("one two", response_format="pcm"))
    offer = b"HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n"
    with connected(server) as connection:
        connection.sendall(request.replace(b"HTTP/1.0\r\n", offer, 1))
        head, _ = parted(received(connection))
    assert " 200 " in head
    assert "transfer-encoding" not in head


def test_curl_in_old_http_saves_a_whole_file(server: Served, tmp_path: Path) -> None:
    file = tmp_path / "old.flac"
    body = json.dumps({"model": "fake", "input": "one two three", "response_format": "flac"})
    command = ["curl", "--http1.0", "-sS", "--fail", "--noproxy", "*", "-d", body, "-o", str(file)]
    subprocess.run([*command, f"{server.url}/v1/audio/speech"], check=True, timeout=30)
    samples, rate = decode(file.read_bytes())
    assert len(samples) / rate == pytest.approx(0.9, abs=0.2)


@pytest.mark.parametrize("second", ["localhost", "evil.example"])
@pytest.mark.parametrize("upgrade", [[], ["Connection: Upgrade", "Upgrade: websocket"]])
def test_two_host_names_are_one_too_many(server: Served, second: str, upgrade: list[str]) -> None:
    socket_headers = [*upgrade, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13"]
    request = raw_request(
        b"", HOST, f"Host: {second}", *socket_headers, method="GET", path="/v1/audio/speech/stream"
    )
    with connected(server) as connection:
        connection.sendall(request)
        head, body = parted(received(connection))
    assert " 400 " in head
    assert "x-request-id" in head
    assert json.loads(body)["error"]["code"] == "invalid_host"


def test_one_host_name_is_enough(server: Served) -> None:
    assert httpx.get(f"{server.url}/health").status_code == 200
