"""The number of connections, which is kept below the number of files that the process may have open.

A connection beyond it gets a 503 and is closed. Without the bound, connections would use up all open files;
then the server could neither refuse a connection nor start an engine.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from tts_hub.server.errors import SERVER, Failure
from tts_hub.server.metrics import Metrics
from tts_hub.server.refusals import raw_answer

FILES = 16_384
"""Open files that the server asks the system for, which often starts programs with 1,024."""
OWN_FILES = 64
"""Open files of the server besides its connections: libraries, models, engines that are processes."""
FILES_PER_CONNECTION = 2
"""Open files for a connection: its stream may need a second one, to the service that speaks."""
FEWEST = 8
"""Connections that are allowed in any case."""
FULL = Failure(
    503, "the server has no room for another connection", "too_many_connections", SERVER, retry_after=5
)
LINGER_SECONDS = 1.0
"""Time for a refused client to read the reason."""
MOST_LINGERING = 32
"""Refused clients at once that get a reason; others are only disconnected."""
LOG_SECONDS = 30.0
"""Seconds between two log lines about the same thing."""
logger = logging.getLogger(__name__)


def raise_file_limit() -> None:
    """Allow this process more open files, as far as the system permits without privileges."""
    if sys.platform == "win32":
        return
    import resource  # Windows does not have it

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError) as exc:  # macOS has a lower limit than the one it names
        logger.info("the limit of open files stays at %d: %s", soft, exc)


def most_connections(wanted: int) -> int:
    """The number of connections to allow: `wanted`, 0 for any, and no more than open files permit."""
    if sys.platform == "win32":
        return wanted or FILES
    import resource  # Windows does not have it

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = FILES if soft == resource.RLIM_INFINITY else soft
    possible = max(FEWEST, (files - OWN_FILES) // FILES_PER_CONNECTION)
    return min(wanted, possible) if wanted else possible


class Capacity:
    """Refuses connections when there are `most`."""

    def __init__(self, most: int, metrics: Metrics) -> None:
        self.most = most
        self._metrics = metrics
        self._lingering = 0
        self._log = Throttle(LOG_SECONDS)

    def admits(self, transport: asyncio.Transport, connections: int) -> bool:
        """Whether a new connection may stay; if not, it is handed to a protocol that refuses it."""
        if connections < self.most:
            return True
        self._metrics.count_failure(FULL)
        if self._log.is_due():
            logger.error("%d connections are open, the most there may be: new ones are refused", connections)
        if self._lingering < MOST_LINGERING:
            self._lingering += 1
            turned_away = _TurnedAway(self._release_one)
            transport.set_protocol(turned_away)
            turned_away.connection_made(transport)
        else:
            transport.set_protocol(asyncio.Protocol())
            transport.abort()
        return False

    def _release_one(self) -> None:
        self._lingering -= 1


class _TurnedAway(asyncio.Protocol):
    """A connection that is refused because there are too many.

    It stays open for a moment, and its data is dropped: else it would be reset before the client has read the
    answer.
    """

    def __init__(self, on_end: Callable[[], None]) -> None:
        self._on_end = on_end
        self._clock: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Send the refusal."""
        self._clock = asyncio.get_running_loop().call_later(LINGER_SECONDS, transport.abort)
        transport.write(raw_answer(FULL))
        with suppress(OSError):  # the client has gone already
            transport.write_eof()

    def connection_lost(self, exc: Exception | None) -> None:
        """Free the place: the client has read the answer, or time is up."""
        if self._clock is not None:
            self._clock.cancel()
        self._on_end()


def quieten_accept_errors(loop: asyncio.AbstractEventLoop) -> None:
    """Limit the log lines about connections that fail for want of files: asyncio writes thousands a second."""
    log = Throttle(LOG_SECONDS)

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if not (isinstance(context.get("exception"), OSError) and "socket" in context):
            loop.default_exception_handler(context)
        elif log.is_due():
            logger.error("connections cannot be taken: %s", context["exception"])

    loop.set_exception_handler(handle)


class Throttle:
    """Limits how often something is logged that happens over and over."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._next = 0.0

    def is_due(self) -> bool:
        """Whether it may be logged now: at most once in the given seconds."""
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + self._seconds
        return True
