"""A result and the progress of the work on it, merged for one reader."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress
from typing import Generic, TypeVar

import anyio

from tts_hub.progress import ProgressEvent

T = TypeVar("T")
REPLACED = frozenset({"downloading", "generating"})
"""Stages of which only the last event is kept when the reader is slow."""


class Interleaving(Generic[T]):
    """Progress events and the pieces of an iterator, in the order in which they come."""

    def __init__(self) -> None:
        self._waiting: deque[ProgressEvent | tuple[T]] = deque()
        """Events, and pieces in tuples, because a piece may have any type."""
        self._changed = anyio.Event()
        self._taken = anyio.Event()

    def on_progress(self, event: ProgressEvent, /) -> None:
        """Add an event: the progress callback. It also works before there is a reader."""
        last = self._waiting[-1] if self._waiting else None
        is_newer = isinstance(last, ProgressEvent) and last.stage == event.stage
        if is_newer and event.stage in REPLACED:
            self._waiting.pop()
        self._waiting.append(event)
        self._changed.set()

    async def read(self, pieces: AsyncIterator[T]) -> AsyncGenerator[ProgressEvent | tuple[T], None]:
        """Each event, and each piece in a tuple. The next piece is requested when the one before is taken.

        It must be closed in the task that iterates it. An error of `pieces` is raised after the events and
        pieces before it; `pieces` is interrupted, not closed.
        """
        over = anyio.Event()
        failures: list[Exception] = []
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._fetch, pieces, over, failures)
            with suppress(GeneratorExit):  # the group would wrap it, and ends with this block anyway
                while self._waiting or not over.is_set():
                    if not self._waiting:
                        self._changed = anyio.Event()
                        await self._changed.wait()
                        continue
                    item = self._waiting.popleft()
                    yield item
                    if isinstance(item, tuple):
                        self._taken.set()
            tasks.cancel_scope.cancel()
        if failures:
            raise failures[0]

    async def _fetch(self, pieces: AsyncIterator[T], over: anyio.Event, failures: list[Exception]) -> None:
        try:
            async for piece in pieces:
                self._taken = anyio.Event()
                self._waiting.append((piece,))
                self._changed.set()
                await self._taken.wait()
        except Exception as exc:  # noqa: BLE001 - carried out of the group, which would wrap it
            failures.append(exc)
        finally:
            over.set()
            self._changed.set()
