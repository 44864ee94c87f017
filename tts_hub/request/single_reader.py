"""An async generator that one task reads, and that any task may close."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager
from typing import Generic, TypeVar

import anyio

from tts_hub.errors import UsageError

T = TypeVar("T")


class SingleReader(Generic[T]):
    """An async generator with one reader, that can be closed during a read.

    Its end is only an end when the generator says so (`finished`): one that was interrupted, by a time
    limit around a read for instance, raises `UsageError` from then on, or again what it failed with.
    """

    def __init__(self, items: AsyncGenerator[T, None]) -> None:
        self.finished = False
        self._items = items
        self._held: deque[T] = deque()
        self._lock = anyio.Lock()
        self._error: BaseException | None = None

    def hold(self, item: T) -> None:
        """Keep an item that was read ahead for the reader."""
        self._held.append(item)

    async def read(self) -> T:
        """The next item.

        Raises:
            StopAsyncIteration: all has been read.
            UsageError: closed or interrupted before the end, or read by two tasks at once.
        """
        with self._alone():
            if self._held:
                return self._held.popleft()
            return await self.read_ahead()

    async def read_ahead(self) -> T:
        """The next item of the generator, past those that are held."""
        if self._error is not None:
            raise self._error
        try:
            return await anext(self._items)
        except StopAsyncIteration:
            if self.finished:
                raise
            raise UsageError("the stream was closed or interrupted before its end") from None
        except Exception as exc:
            self._error = exc
            raise

    async def aclose(self) -> None:
        """Close the generator, after the read that is under way."""
        async with self._lock:
            await self._items.aclose()

    @contextmanager
    def _alone(self) -> Generator[None, None, None]:
        try:
            self._lock.acquire_nowait()
        except (anyio.WouldBlock, RuntimeError):
            raise UsageError("the stream is being read by another task") from None
        try:
            yield
        finally:
            self._lock.release()
