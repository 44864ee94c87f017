"""A real server on a real loopback socket, with espeak and scripted engines behind it."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Collection, Generator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import httpx
import pytest

from tests.waiting import WITHIN
from tts_hub import TTSBackendManager
from tts_hub.config import parse_config
from tts_hub.engines.pool import EngineStatus
from tts_hub.server import create_app
from tts_hub.server.hub import Hub
from tts_hub.server.run import listen, make_server, url_of
from tts_hub.testing import FakeBackend, FakeScript

PATIENCE = WITHIN


@dataclass(slots=True)
class Served:
    """A running server, and a look behind it."""

    url: str
    address: tuple[str, int]
    manager: TTSBackendManager
    hub: Hub
    fake: FakeBackend
    loop: asyncio.AbstractEventLoop
    connections: Collection[object]
    """The connections that are open."""
    stop: Callable[[], None]
    """End the server as a first signal does."""

    @property
    def script(self) -> FakeScript:
        return self.fake.script

    def free(self) -> bool:
        """Whether no engine has work and no request waits or is being answered."""
        idle = all(engine.active == 0 and engine.waiting == 0 for engine in self.status())
        return idle and self.fake.active == 0 and self.metric("tts_requests_in_flight") == 0

    def status(self) -> list[EngineStatus]:
        """The manager's status of its engines, read on its own event loop."""

        async def ask() -> list[EngineStatus]:
            return self.manager.status()

        return asyncio.run_coroutine_threadsafe(ask(), self.loop).result(PATIENCE)

    def until_free(self) -> float:
        """Wait until no request is left; return the seconds that it took."""
        return wait_for(self.free)

    def metric(self, name: str, **labels: str) -> float:
        """The value of a metric, 0 where it has none yet."""
        value = self.hub.metrics._registry.get_sample_value(name, labels)
        return 0.0 if value is None else value

    def speak(self, text: str = "Hello there.", **fields: Any) -> httpx.Response:
        with httpx.Client(base_url=self.url, trust_env=False) as client:
            return client.post("/v1/audio/speech", json={"model": "fake", "input": text} | fields)


class Serve(Protocol):
    """Start a server with these sections of the config, and these engines besides espeak; hibari is off."""

    def __call__(
        self, *engines: FakeBackend, script: FakeScript | None = None, **sections: Any
    ) -> AbstractContextManager[Served]: ...


def wait_for(condition: Callable[[], bool]) -> float:
    """Wait until `condition()` is true; return the seconds that it took."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > PATIENCE:
            pytest.fail("what was waited for did not happen")
        time.sleep(0.002)
    return time.monotonic() - began


@contextmanager
def served(
    *engines: FakeBackend, script: FakeScript | None = None, **sections: Any
) -> Generator[Served, None, None]:
    fake = FakeBackend(script=script)
    own = {
        "server": {"warm_up": False, "port": 0} | sections.pop("server", {}),
        "backends": {"hibari": {"enabled": False}} | sections.pop("backends", {}),
    }
    manager = TTSBackendManager(parse_config(own | sections))
    for engine in (fake, *engines):
        manager.register(engine)
    app = create_app(manager=manager)
    listener = listen(manager.config.server)
    url, address = url_of(listener), listener.getsockname()[:2]
    server = make_server(app, manager.config.server)
    loops: list[asyncio.AbstractEventLoop] = []

    def work() -> None:
        with asyncio.Runner() as runner:
            loops.append(runner.get_loop())
            runner.run(server.serve([listener]))

    def stop() -> None:
        server.should_exit = True

    thread = threading.Thread(target=work)
    thread.start()
    try:
        wait_for(lambda: server.started)
        yield Served(
            url, address, manager, app.state.hub, fake, loops[0], server.server_state.connections, stop
        )
    finally:
        stop()
        thread.join(PATIENCE)
        server.force_exit = True
        thread.join(PATIENCE)
        assert not thread.is_alive()


@pytest.fixture
def serve() -> Serve:
    return served


@pytest.fixture(scope="session")
def shared() -> Generator[Served, None, None]:
    """One server for all tests that leave it unchanged."""
    with served() as server:
        yield server


@pytest.fixture
def server(shared: Served) -> Generator[Served, None, None]:
    """The shared server, with the script of its engine reset and every slot free."""
    yield shared
    shared.fake.script = FakeScript()
    shared.until_free()


@contextmanager
def connected(server: Served, *, receive_buffer: int | None = None) -> Generator[socket.socket, None, None]:
    """A raw connection."""
    with socket.socket() as connection:
        if receive_buffer is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.settimeout(PATIENCE)
        connection.connect(server.address)
        yield connection


def received(connection: socket.socket) -> bytes:
    """All bytes until the other side closes or resets the connection."""
    data = bytearray()
    while True:
        try:
            part = connection.recv(65_536)
        except ConnectionResetError:
            return bytes(data)
        if not part:
            return bytes(data)
        data += part


def raw_request(body: bytes, *headers: str, path: str = "/v1/audio/speech", method: str = "POST") -> bytes:
    """A request as bytes; give `Host` and all else that counts in `headers`."""
    length = [f"Content-Length: {len(body)}"] if method == "POST" else []
    return "\r\n".join([f"{method} {path} HTTP/1.1", *headers, *length, "", ""]).encode() + body


def speech_bytes(text: str = "Hello there.", **fields: Any) -> bytes:
    """A good request for speech, as it goes over the wire."""
    body = json.dumps({"model": "fake", "input": text} | fields).encode()
    return raw_request(body, "Host: localhost", "Content-Type: application/json")


@contextmanager
def occupied(server: Served, places: int) -> Generator[None, None, None]:
    """Let the scripted engine hang with this many of its slots taken; free them at the end."""
    server.script.stall_at = 0
    with ExitStack() as stack:
        for _ in range(places):
            stack.enter_context(connected(server)).sendall(speech_bytes())
        wait_for(lambda: server.fake.active == places)
        yield
    server.script.stall_at = None
    server.until_free()
