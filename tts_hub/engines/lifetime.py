"""Background tasks that outlive the task which began them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import Any

import anyio
from anyio import lowlevel
from anyio.abc import TaskGroup

from tts_hub.errors import UsageError

logger = logging.getLogger(__name__)
_holders: set[asyncio.Task[Any]] = set()
"""An event loop keeps only weak references to its tasks."""


class Lifetime:
    """From `open` to `aclose`, which may be called by different tasks of one event loop.

    A task group must be left by the task that entered it, so a task of its own holds it. It is no child of
    the task that calls `open`: cancelling that task, or leaving its scopes, does not end it. The end of the
    event loop does, and `on_close` is awaited then too.
    """

    def __init__(self) -> None:
        self._on_close: Callable[[], Awaitable[None]] | None = None
        self._loop: lowlevel.EventLoopToken | None = None
        self._tasks: TaskGroup | None = None
        self._closing = anyio.Event()
        self._closed: anyio.Event | None = None

    async def open(self, *, on_close: Callable[[], Awaitable[None]]) -> None:
        """Begin; `on_close` is awaited once, after the last background task has ended.

        Raises:
            UsageError: it is open already, or in another event loop.
        """
        if self._closed is not None:
            self.check_loop()
            raise UsageError("the manager is open already")
        self._loop, self._on_close = lowlevel.current_token(), on_close
        self._closing, self._closed = anyio.Event(), anyio.Event()
        opened = anyio.Event()
        _start(self._hold, opened)
        with anyio.CancelScope(shield=True):
            await opened.wait()

    async def aclose(self) -> None:
        """End all background tasks and close; nothing happens if that has been done.

        Raises:
            UsageError: it is open in another event loop.
        """
        closed = self._closed
        if closed is None:
            return
        self.check_loop()
        self._closing.set()
        with anyio.CancelScope(shield=True):
            await closed.wait()

    @property
    def is_open(self) -> bool:
        """Background tasks can be started, and those that were are running."""
        return self._tasks is not None and not self._tasks.cancel_scope.cancel_called

    def tasks(self) -> TaskGroup:
        """Where background tasks are started.

        Raises:
            UsageError: not open, or used in another event loop.
        """
        self.check_loop()
        if self._tasks is None or self._closing.is_set():
            raise UsageError(
                "the manager is not open: use `async with TTSBackendManager(...) as manager`, or "
                "`await manager.open()`"
            )
        return self._tasks

    def check_loop(self) -> None:
        """Raise unless the caller is in the event loop that opened it.

        Raises:
            UsageError: it is open in another one.
        """
        if self._closed is not None and lowlevel.current_token() != self._loop:
            raise UsageError(
                "the manager was opened in another event loop: use it there, or make one manager for each"
            )

    async def _hold(self, opened: anyio.Event) -> None:
        try:
            async with anyio.create_task_group() as self._tasks:
                opened.set()
                await self._closing.wait()
                self._tasks.cancel_scope.cancel()
        except Exception:
            logger.exception("the hub's background tasks failed")
        finally:
            self._closing.set()
            self._tasks = None
            try:
                with anyio.CancelScope(shield=True):
                    if self._on_close is not None:
                        await self._on_close()
            finally:
                closed, self._closed = self._closed, None
                if closed is not None:
                    closed.set()


def _start(hold: Callable[[anyio.Event], Awaitable[None]], opened: anyio.Event) -> None:
    """Begin a task that belongs to the event loop alone, which is what anyio has no call for."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        import_module("trio").lowlevel.spawn_system_task(hold, opened)
        return
    task = loop.create_task(_awaited(hold, opened), name="tts-hub manager")
    _holders.add(task)
    task.add_done_callback(_holders.discard)


async def _awaited(hold: Callable[[anyio.Event], Awaitable[None]], opened: anyio.Event) -> None:
    await hold(opened)
