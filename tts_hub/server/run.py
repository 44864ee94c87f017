"""The run of the server: its socket, uvicorn, and an end that lets running streams finish."""

from __future__ import annotations

import asyncio
import ctypes
import math
import socket
from collections.abc import Awaitable, Callable, Generator
from contextlib import closing, contextmanager, suppress
from functools import partial
from typing import Any, cast

import anyio
import uvicorn
from fastapi import FastAPI

from tts_hub.config import ServerConfig
from tts_hub.engines.loading import CLOSE_SECONDS
from tts_hub.errors import ConfigError, OutputError
from tts_hub.server.capacity import Capacity, most_connections, quieten_accept_errors
from tts_hub.server.connection import BoundedHTTP
from tts_hub.server.guards import LOOPBACK
from tts_hub.server.websocket import DrainingWebSocket
from tts_hub.system.signals import ending_in_time

KEEP_ALIVE = 75
"""Seconds that an idle connection is kept: longer than common clients do, so that they close first."""
BACKLOG = 256
"""Connections that may wait to be accepted; asyncio accepts as many at once."""
SEND_BUFFER = 262_144
"""Bytes that the system keeps for a slow reader; by default it keeps up to 4 MB for each."""
FORCED_SECONDS = 1.0
"""Seconds to close engines when the server has to end at once."""
M_ARENA_MAX, M_MMAP_THRESHOLD, M_TRIM_THRESHOLD = -8, -3, -1
"""Parameters of `mallopt`, from glibc's malloc.h."""
CLOSES_WITHIN = 2 * CLOSE_SECONDS + 5.0
"""Seconds that the hub has to end its requests and close its engines."""
MESSAGE_BYTES = 262_144
"""The size of the largest WebSocket message."""


def check_exposure(settings: ServerConfig, *, insecure: bool) -> None:
    """Refuse to listen beyond this machine without a key.

    Raises:
        ConfigError: there is no key, and `insecure` is false.
    """
    if settings.host not in LOOPBACK and not settings.api_keys and not insecure:
        raise ConfigError(
            f"listening on {settings.host} lets others use this server: set server.api_keys "
            "(or TTS_HUB_SERVER__API_KEYS), or add --insecure if that is what you want"
        )


def listen(settings: ServerConfig) -> socket.socket:
    """Bind the socket of the server and listen on it.

    Raises:
        OutputError: the address is in use, or not one of this machine.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # asyncio switches Nagle's algorithm off only for sockets that are declared as TCP; it would add pauses of
    # 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)  # connections inherit both
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        # Data that is sent and never read must not keep a connection for ever: it has the same time once
        # more.
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
    """The URL of the server for clients on this machine."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def keep_memory_small() -> None:
    """Make glibc return free memory to the system.

    By default it has separate memory for up to 8 threads per core, each with its own left-overs: two are
    enough. It also learns to keep large pieces, which audio of all lengths then fragments.
    """
    with suppress(OSError, AttributeError):  # another C library
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(M_ARENA_MAX, 2)
        mallopt(M_MMAP_THRESHOLD, 131_072)
        mallopt(M_TRIM_THRESHOLD, 131_072)


class HubServer(uvicorn.Server):
    """uvicorn, which ends by `stop` or `break_off`, and handles no signals itself."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._loop: asyncio.AbstractEventLoop | None = None

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until `stop` or `break_off` is called."""
        self._loop = asyncio.get_running_loop()
        quieten_accept_errors(self._loop)
        if self.force_exit:
            self._cancel_tasks()
        await super().serve(sockets)

    def stop(self) -> None:
        """Let running streams end, and accept no new connections. A signal handler may call it."""
        self.should_exit = True

    def break_off(self) -> None:
        """End at once. A signal handler may call it."""
        self.should_exit = self.force_exit = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._cancel_tasks)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Shut down as uvicorn does, but also close engines in a forced end, as far as they do it quickly."""
        await super().shutdown(sockets)
        if self.force_exit:
            with anyio.move_on_after(FORCED_SECONDS):
                await self.lifespan.shutdown()

    def _cancel_tasks(self) -> None:
        for task in self.server_state.tasks:
            task.cancel()

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Capture none: uvicorn raises a captured signal again at its end, which would end the process."""
        yield


async def serve(server: HubServer, listener: socket.socket, on_ready: Callable[[], Awaitable[None]]) -> None:
    """Serve until the server is stopped; `on_ready` is called once it answers.

    An engine that does not close ends with the process, `CLOSES_WITHIN` after the grace for streams.
    """
    grace = server.config.timeout_graceful_shutdown or 0
    with closing(listener), ending_in_time(grace + CLOSES_WITHIN):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_call_when_ready, server, on_ready)
            await server.serve([listener])
            tasks.cancel_scope.cancel()


def make_server(app: FastAPI, settings: ServerConfig) -> HubServer:
    """uvicorn with the settings of this project; `serve` runs it, and its `stop` ends it."""
    metrics = app.state.hub.metrics
    capacity = Capacity(most_connections(settings.max_connections), metrics)
    config = uvicorn.Config(
        app,
        http=cast(
            "Any",
            partial(BoundedHTTP, arrival_seconds=settings.body_timeout, metrics=metrics, capacity=capacity),
        ),
        ws=cast("Any", partial(DrainingWebSocket, metrics=metrics)),
        log_config=None,
        log_level="warning",  # its lines on WebSockets contain the query
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


async def _call_when_ready(server: HubServer, on_ready: Callable[[], Awaitable[None]]) -> None:
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await anyio.sleep(0.01)
    if not server.should_exit:
        await on_ready()
