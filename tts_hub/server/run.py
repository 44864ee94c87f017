"""Running the server: a socket, uvicorn, and an end that lets running streams finish."""

from __future__ import annotations

import asyncio
import ctypes
import math
import socket
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager, suppress
from functools import partial
from typing import Any, cast

import anyio
import uvicorn
from fastapi import FastAPI

from tts_hub.config import ServerConfig
from tts_hub.engines.loading import CLOSE_SECONDS
from tts_hub.errors import ConfigError, OutputError
from tts_hub.server.connection import BoundedHTTP
from tts_hub.server.guards import LOOPBACK
from tts_hub.server.room import Room, most_connections, quieten_accept_errors
from tts_hub.server.websocket import DrainingWebSocket
from tts_hub.system.signals import ending_in_time

KEEP_ALIVE = 75
"""Seconds; longer than common clients keep idle connections, so that they close first."""
BACKLOG = 256
"""Connections that wait to be taken; asyncio takes as many in one go."""
SEND_BUFFER = 262_144
"""Bytes that the system keeps for a reader who is behind; else it takes up to 4 MB for each."""
FORCED_SECONDS = 1.0
"""Time for engines to be closed when the server is to end at once."""
M_ARENA_MAX, M_MMAP_THRESHOLD, M_TRIM_THRESHOLD = -8, -3, -1
"""Of `mallopt` in glibc's malloc.h."""
CLOSES_WITHIN = 2 * CLOSE_SECONDS + 5.0
"""Seconds that the hub has to end its requests and to close its engines."""
MESSAGE_BYTES = 262_144
"""Largest WebSocket message."""


def check_exposure(settings: ServerConfig, *, insecure: bool) -> None:
    """Refuse to listen beyond this machine without a key.

    Raises:
        ConfigError: no key, and `insecure` is not said.
    """
    if settings.host not in LOOPBACK and not settings.api_keys and not insecure:
        raise ConfigError(
            f"listening on {settings.host} lets others use this server: set server.api_keys "
            "(or TTS_HUB_SERVER__API_KEYS), or add --insecure if that is what you want"
        )


def listen(settings: ServerConfig) -> socket.socket:
    """The bound socket.

    Raises:
        OutputError: the address is taken, or not ours.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # asyncio switches Nagle's algorithm off only for sockets that say they are TCP: 40 ms a pause otherwise.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)  # connections inherit both
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        # Also what is sent already and never read must not keep a connection for ever: as long again.
        listener.setsockopt(
            socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, math.ceil(settings.reader_timeout * 2000)
        )
    try:
        listener.bind((settings.host, settings.port))
        listener.listen(BACKLOG)
    except OSError as exc:
        listener.close()
        raise OutputError(f"cannot listen on {settings.host}:{settings.port}: {exc.strerror}") from exc
    return listener


def url_of(listener: socket.socket) -> str:
    """The address to type into a client."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def keep_memory_small() -> None:
    """Have glibc give back what is free.

    It keeps memory apart for up to 8 threads a core, each with left-overs of its own: two will do. And it
    learns to keep large pieces, which audio of all lengths then leaves full of holes.
    """
    with suppress(OSError, AttributeError):  # another C library
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(M_ARENA_MAX, 2)
        mallopt(M_MMAP_THRESHOLD, 131_072)
        mallopt(M_TRIM_THRESHOLD, 131_072)


class HubServer(uvicorn.Server):
    """uvicorn, which ends by `stop` or `break_off` and handles no signals itself."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._loop: asyncio.AbstractEventLoop | None = None

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until it is to end."""
        self._loop = asyncio.get_running_loop()
        quieten_accept_errors(self._loop)
        if self.force_exit:
            self._cancel_tasks()
        await super().serve(sockets)

    def stop(self) -> None:
        """Let running streams end, and take no new connections. Also for handlers of signals."""
        self.should_exit = True

    def break_off(self) -> None:
        """End at once. Also for handlers of signals."""
        self.should_exit = self.force_exit = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._cancel_tasks)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn does, but engines are also closed in a forced end, as far as they do it quickly."""
        await super().shutdown(sockets)
        if self.force_exit:
            with anyio.move_on_after(FORCED_SECONDS):
                await self.lifespan.shutdown()

    def _cancel_tasks(self) -> None:
        for task in self.server_state.tasks:
            task.cancel()

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """uvicorn raises a caught signal again at its end, which would end the process with that signal."""
        yield


async def serve(server: HubServer, listener: socket.socket, on_ready: Callable[[], None]) -> None:
    """Serve until the server is to end; `on_ready` is called once it answers.

    What an engine does not let go of ends with the process, `CLOSES_WITHIN` after the grace for streams.
    """
    grace = server.config.timeout_graceful_shutdown or 0
    with closing(listener), ending_in_time(grace + CLOSES_WITHIN):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_tell_when_ready, server, on_ready)
            await server.serve([listener])
            tasks.cancel_scope.cancel()


def make_server(app: FastAPI, settings: ServerConfig) -> HubServer:
    """uvicorn as this project wants it; `serve` it with a socket, and `stop` it."""
    metrics = app.state.hub.metrics
    room = Room(most_connections(settings.max_connections), metrics)
    config = uvicorn.Config(
        app,
        http=cast(
            "Any",
            partial(BoundedHTTP, arrival_seconds=settings.body_timeout, metrics=metrics, room=room),
        ),
        ws=cast("Any", partial(DrainingWebSocket, metrics=metrics)),
        log_config=None,
        log_level="warning",  # its notes on WebSockets have the query in them
        access_log=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE,
        ws_max_size=MESSAGE_BYTES,
        ws_per_message_deflate=False,  # speech is compressed already
        lifespan="on",
    )
    config.timeout_graceful_shutdown = cast("Any", settings.shutdown_grace)  # fractions and 0 count
    return HubServer(config)


async def _tell_when_ready(server: HubServer, on_ready: Callable[[], None]) -> None:
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await anyio.sleep(0.01)
    if not server.should_exit:
        on_ready()
