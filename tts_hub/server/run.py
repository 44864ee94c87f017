"""Running the server: a socket, uvicorn, and an end that lets running streams finish."""

from __future__ import annotations

import ctypes
import math
import signal
import socket
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager, suppress
from functools import partial
from typing import Any, cast

import anyio
import uvicorn
from fastapi import FastAPI

from tts_hub.config import ServerConfig
from tts_hub.engine import CLOSE_SECONDS
from tts_hub.errors import ConfigError, OutputError
from tts_hub.server.connection import BoundedHTTP, DrainingWebSocket
from tts_hub.server.guards import LOOPBACK
from tts_hub.signals import ending_in_time

KEEP_ALIVE = 75
"""Seconds; longer than common clients keep idle connections, so that they close first."""
BACKLOG = 2048
SEND_BUFFER = 262_144
"""Bytes that the system keeps for a reader who is behind; else it takes up to 4 MB for each."""
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
            "(or TTS_HUB_SERVER__API_KEYS), or say --insecure if that is what you want"
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


async def serve(
    app: FastAPI, settings: ServerConfig, listener: socket.socket, on_ready: Callable[[], None]
) -> None:
    """Serve until a signal; the first lets running streams end, the second ends at once.

    What an engine does not let go of ends with the process: `CLOSES_WITHIN` after the grace for streams, or
    within 2 s of a second signal.
    """
    server = make_server(app, settings)
    with closing(listener):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_stop_on_signal, server, settings.shutdown_grace + CLOSES_WITHIN)
            tasks.start_soon(_tell_when_ready, server, on_ready)
            await server.serve([listener])
            tasks.cancel_scope.cancel()


def make_server(app: FastAPI, settings: ServerConfig) -> uvicorn.Server:
    """uvicorn as this project wants it; `serve` it with a socket, set `should_exit` to stop it."""
    metrics = app.state.hub.metrics
    config = uvicorn.Config(
        app,
        http=cast("Any", partial(BoundedHTTP, arrival_seconds=settings.body_timeout, metrics=metrics)),
        ws=cast("Any", partial(DrainingWebSocket, metrics=metrics)),
        log_config=None,
        log_level="warning",  # its notes on WebSockets have the query in them
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE,
        ws_max_size=MESSAGE_BYTES,
        ws_per_message_deflate=False,  # speech is compressed already
        lifespan="on",
    )
    config.timeout_graceful_shutdown = cast("Any", settings.shutdown_grace)  # fractions and 0 count
    return _Server(config)


class _Server(uvicorn.Server):
    """uvicorn raises a caught signal again at its end, which would end the process with that signal."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


async def _stop_on_signal(server: uvicorn.Server, seconds: float) -> None:
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals, ending_in_time(seconds):
        async for _ in signals:
            server.force_exit = server.should_exit
            server.should_exit = True


async def _tell_when_ready(server: uvicorn.Server, on_ready: Callable[[], None]) -> None:
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await anyio.sleep(0.01)
    on_ready()
