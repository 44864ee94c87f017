"""`tts-hub serve` as a process: its greeting, and how it ends."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import pytest

from tests.server.conftest import PATIENCE, wait_for

BOOK = "The quick brown fox jumps over the lazy dog, and nobody knows why. " * 1_400
TTS_HUB = [sys.executable, "-c", "from tts_hub.cli import main; main()"]
SLOWLY = 65_536
"""Bytes that the test reads of a stream of many megabytes, so that it is still under way."""


@dataclass(slots=True)
class Running:
    process: subprocess.Popen[str]
    url: str
    greeting: str

    def signal(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def code(self, within: float) -> int:
        return self.process.wait(within)

    @property
    def address(self) -> tuple[str, int]:
        host, port = self.url.removeprefix("http://").split(":")
        return host, int(port)

    def refuses(self) -> bool:
        try:
            socket.create_connection(self.address, 1).close()
        except ConnectionRefusedError:
            return True
        except ConnectionResetError:  # accepted in the moment in which the listening socket closes
            return False
        return False


@contextmanager
def running(
    *options: str, preexec: Callable[[], None] | None = None, **environment: str
) -> Generator[Running, None, None]:
    command = [*TTS_HUB, "serve", "--port", "0", *options]
    settings = {f"TTS_HUB_SERVER__{name.upper()}": value for name, value in environment.items()}
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env=os.environ | settings, preexec_fn=preexec
    )
    try:
        assert process.stderr is not None
        greeting = "".join(process.stderr.readline() for _ in range(3))
        found = re.search(r"(http://127\.0\.0\.1:\d+)/v1", greeting)
        assert found, greeting
        yield Running(process, found[1], greeting)
    finally:
        process.kill()
        process.communicate()


@contextmanager
def book(server: Running, text: str = BOOK) -> Generator[Generator[bytes, None, None], None, None]:
    """A stream that has begun and is far from its end."""
    body = {"model": "espeak", "input": text, "response_format": "wav"}
    with (
        httpx.Client(timeout=PATIENCE) as http,
        http.stream("POST", f"{server.url}/v1/audio/speech", json=body) as response,
    ):
        response.raise_for_status()
        parts = response.iter_raw(SLOWLY)
        next(parts)
        yield parts  # type: ignore[misc]


def test_the_greeting_names_the_engines_and_a_command_that_works() -> None:
    with running() as server:
        assert "espeak" in server.greeting
        assert "`auto` means espeak. Its voice is en-us. Better voices" in server.greeting
        assert re.search(r"need something first: .*chatterbox_turbo", server.greeting)
        command = re.search(r"Try: (curl .*)\n", server.greeting)
        assert command
        subprocess.run(f"{command[1]} -sS --fail --noproxy '*'", shell=True, check=True, timeout=PATIENCE)
        with open("hello.mp3", "rb") as file:
            assert len(file.read()) > 1_000
        server.signal()
        assert server.code(PATIENCE) == 0


def test_a_running_stream_ends_whole_while_new_connections_are_refused() -> None:
    with running() as server, book(server, BOOK[:8_000]) as parts:
        server.signal()
        wait_for(server.refuses)
        assert server.process.poll() is None
        assert sum(len(part) for part in parts) > 10_000_000
        assert server.code(PATIENCE) == 0


def test_a_stream_longer_than_the_grace_is_cut() -> None:
    with running(shutdown_grace="0.5") as server, book(server) as parts:
        server.signal()
        time.sleep(1.0)  # longer than the grace
        with pytest.raises(httpx.RemoteProtocolError):
            for _ in parts:
                time.sleep(0.01)
        assert server.code(PATIENCE) == 0


def test_no_grace_at_all_can_be_asked_for() -> None:
    with running(shutdown_grace="0") as server, book(server):
        server.signal()
        assert server.code(PATIENCE) == 0


def test_a_second_signal_ends_at_once() -> None:
    with running() as server, book(server):
        server.signal()
        wait_for(server.refuses)
        server.signal()
        server.code(PATIENCE)


def test_a_silent_server_ends_at_once() -> None:
    with running() as server:
        server.process.send_signal(signal.SIGINT)
        assert server.code(PATIENCE) == 0


def test_a_port_that_is_taken_is_an_error_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [*TTS_HUB, "serve", "--port", port]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--host", "0.0.0.0"], "--insecure"),
        (["--host", "0.0.0.0", "--api-key", ""], "empty key"),
        (["--api-key", "sha256:123"], "64 hex digits"),
    ],
)
def test_an_unsafe_start_is_refused_in_one_line(options: list[str], said: str) -> None:
    command = [*TTS_HUB, "serve", "--port", "0", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert said in done.stderr


def test_the_end_leaves_no_thread_behind_that_would_hold_the_process() -> None:
    with running() as server:
        threads = [
            threading.Thread(target=httpx.post, args=[f"{server.url}/v1/audio/speech"], kwargs={"json": body})
            for body in [{"model": "espeak", "input": "Hello.", "response_format": "mp3"}] * 8
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        server.signal()
        assert server.code(PATIENCE) == 0
