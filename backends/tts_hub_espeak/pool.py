"""A bounded set of engines, each lent to one request at a time."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import anyio
from anyio import to_thread

from tts_hub.errors import UsageError
from tts_hub_espeak.engine import Engine


class EnginePool:
    """Makes engines as they are needed, at most `most` at once, and keeps at most `most_idle` idle ones."""

    def __init__(self, make: Callable[[], Engine], *, most: int, most_idle: int) -> None:
        self._make = make
        self._places = anyio.Semaphore(most)
        self._most_idle = most_idle
        self._idle: list[Engine] = []
        self._closed = False

    @asynccontextmanager
    async def lend(self) -> AsyncGenerator[Engine, None]:
        """An engine for one request; waits while all are lent.

        Raises:
            BackendUnavailableError: a new engine cannot be made.
            UsageError: the pool was closed.
        """
        async with self._places:
            engine = await self._take()
            try:
                yield engine
            finally:
                await self._take_back(engine)

    async def aclose(self) -> None:
        """Close the idle engines now, and the lent ones when they come back."""
        self._closed = True
        while self._idle:
            await _end(self._idle.pop())

    async def _take(self) -> Engine:
        if self._closed:
            raise UsageError("espeak-ng was closed while a request waited for it")
        return self._idle.pop() if self._idle else await to_thread.run_sync(self._make)

    async def _take_back(self, engine: Engine) -> None:
        if engine.broken or self._closed or len(self._idle) >= self._most_idle:
            await _end(engine)
        else:
            self._idle.append(engine)


async def _end(engine: Engine) -> None:
    with anyio.CancelScope(shield=True):
        await to_thread.run_sync(engine.close)
