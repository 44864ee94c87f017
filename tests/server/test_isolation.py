"""Requests do not cost each other anything: event loop, engine slots, memory, slow and lost clients."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import numpy as np
import pytest

from tests.audio.decoding import decode_s16le
from tests.server.conftest import (
    PATIENCE,
    Serve,
    Served,
    connected,
    occupied,
    received,
    speech_bytes,
    wait_for,
)
from tts_hub.testing import FakeScript
from tts_hub.testing.fake import TONES

BOOK = "The quick brown fox jumps over the lazy dog, and nobody knows why. " * 1_000


@contextmanager
def busy(server: Served, clients: int) -> Generator[None, None, None]:
    """Let this many clients have a book read at once, as fast as possible."""
    stop = threading.Event()

    def listen(name: str) -> None:
        body = {"model": "espeak", "input": BOOK, "response_format": name}
        with httpx.stream("POST", f"{server.url}/v1/audio/speech", json=body, timeout=30) as response:
            for _ in response.iter_raw():
                if stop.is_set():
                    return

    with ThreadPoolExecutor(clients) as pool:
        readers = [pool.submit(listen, ("mp3", "opus", "wav")[n % 3]) for n in range(clients)]
        wait_for(lambda: server.metric("tts_requests_in_flight") == clients)
        try:
            yield
        finally:
            stop.set()
        for reader in readers:
            reader.result(PATIENCE)


def test_health_answers_while_books_are_being_read(server: Served) -> None:
    with httpx.Client(base_url=server.url, timeout=PATIENCE) as http, busy(server, 4):
        for _ in range(20):
            assert http.get("/health").status_code == 200
        assert server.metric("tts_requests_in_flight") == 4, "the books are still being read"
    server.until_free()


def test_a_client_that_hangs_up_in_the_middle_frees_its_place(server: Served) -> None:
    server.fake.script = FakeScript(hold_at=5)
    with connected(server) as connection:
        connection.sendall(speech_bytes(BOOK, response_format="pcm"))
        while len(connection.recv(4096)) < 1000:
            pass
    server.until_free()
    assert server.metric("tts_requests_total", backend="fake", outcome="client_cancel") >= 1


def test_a_client_that_hangs_up_before_the_first_audio_frees_its_place(server: Served) -> None:
    server.fake.script = FakeScript(stall_at=0)
    before = server.metric("tts_errors_total", kind="generation_failed")
    with connected(server) as connection:
        connection.sendall(speech_bytes())
        wait_for(lambda: server.fake.active == 1)
    server.until_free()
    assert server.metric("tts_errors_total", kind="generation_failed") == before, "leaving is no failure"


def test_a_client_that_hangs_up_in_the_queue_leaves_it(server: Served) -> None:
    def waiting() -> int:
        return sum(engine.waiting for engine in server.status())

    with occupied(server, 2):
        with connected(server) as connection:
            connection.sendall(speech_bytes())
            wait_for(lambda: waiting() == 1)
        wait_for(lambda: waiting() == 0)


def test_a_client_that_hangs_up_while_the_engine_loads_is_forgotten(serve: Serve) -> None:
    with serve(script=FakeScript(hold_load=True)) as server:
        with connected(server) as connection:
            connection.sendall(speech_bytes())
            wait_for(lambda: server.metric("tts_requests_in_flight") == 1)
        server.until_free()


def test_places_survive_many_clients_that_hang_up_anywhere(server: Served) -> None:
    server.fake.script = FakeScript(chunk_delay=0.002, first_chunk_delay=0.01)
    random = np.random.default_rng(1)

    def abort(seconds: float) -> None:
        with connected(server) as connection:
            connection.sendall(speech_bytes(BOOK[:500], stream_format="sse" if seconds > 0.03 else "audio"))
            time.sleep(seconds)

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(abort, random.uniform(0, 0.06, 150)))
    server.until_free()
    server.fake.script = FakeScript()
    assert server.speak().status_code == 200


def test_a_paused_reader_is_given_up_and_has_taken_little_memory(serve: Serve) -> None:
    limits = {"buffer_seconds": 1.0}
    with serve(server={"reader_timeout": 0.5}, limits=limits, audio={"loudness": "off"}) as server:
        server.fake.script = FakeScript(seconds_per_word=1.0, chunk_seconds=1.0)
        with connected(server, receive_buffer=4096) as connection:
            connection.sendall(speech_bytes(BOOK, response_format="wav", sample_rate=48_000))
            wait_for(lambda: server.metric("tts_requests_in_flight") == 1)
            server.until_free()
            assert server.metric("tts_requests_total", backend="fake", outcome="timeout") == 1
            assert server.metric("tts_errors_total", kind="reader_paused") == 1
            data = received(connection)
        assert len(data) < 1_000_000
        assert not data.endswith(b"0\r\n\r\n"), "no clean end"


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="the system cannot tell")
def test_a_reader_that_takes_nothing_does_not_keep_the_connection(serve: Serve) -> None:
    with serve(server={"reader_timeout": 0.5}) as server:
        server.fake.script = FakeScript(seconds_per_word=1.0, chunk_seconds=1.0)
        connections = server.connections
        with connected(server, receive_buffer=4096) as connection:
            connection.sendall(speech_bytes("one two three four", response_format="wav"))
            wait_for(lambda: len(connections) == 1)
            wait_for(lambda: not connections)


def test_a_slow_reader_gets_everything(serve: Serve) -> None:
    with serve(server={"reader_timeout": 1.0}) as server:
        text = "one two three four five six seven eight"
        with connected(server, receive_buffer=4096) as connection:
            connection.sendall(speech_bytes(text, response_format="wav", stream=True))
            data = b""
            while not data.endswith(b"0\r\n\r\n"):
                part = connection.recv(2_000)
                assert part, "cut off"
                data += part
                time.sleep(0.01)


def test_60_streams_at_once_are_all_right(server: Served) -> None:
    server.fake.script = FakeScript(chunk_delay=0.005)
    voices = list(TONES)

    def pitch(number: int) -> float:
        data = server.speak("one two three", voice=voices[number % 3], response_format="pcm").content
        samples = decode_s16le(data)
        assert len(samples) / 24_000 == pytest.approx(0.9, abs=0.2)
        spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
        return float(np.argmax(spectrum) * 24_000 / len(samples))

    with ThreadPoolExecutor(60) as pool:
        pitches = list(pool.map(pitch, range(60)))
    assert pitches == pytest.approx([TONES[voices[n % 3]] for n in range(60)], rel=0.03)


def test_an_engine_that_hangs_shows_as_stalled(serve: Serve) -> None:
    with serve(server={"stalled_after": 0.1}) as server:
        assert httpx.get(f"{server.url}/health").json()["status"] == "ok"
        with occupied(server, 1):
            wait_for(lambda: httpx.get(f"{server.url}/health").status_code == 503)
            health = httpx.get(f"{server.url}/health").json()
            assert health["status"] == "stalled"
            assert health["engines"]["fake"]["state"] == "stalled"
            assert health["engines"]["fake"]["silent_for_seconds"] > 0
        assert httpx.get(f"{server.url}/health").json()["status"] == "ok"
