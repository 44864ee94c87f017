"""The one bridge from blocking code to async: a producer thread whose items an async generator yields."""

from __future__ import annotations

import logging
import threading
from collections.abc import AsyncGenerator, Callable, Generator, Iterable
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Generic, Protocol, TypeVar

import anyio
from anyio import from_thread, lowlevel
from anyio.streams.memory import MemoryObjectSendStream

GRACE_SECONDS = 10.0
"""Seconds that a thread has to end once its reader has gone."""
logger = logging.getLogger(__name__)

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)
_left_behind: ContextVar[list[anyio.Event] | None] = ContextVar("tts_hub_left_behind", default=None)


class Stopped(Exception):
    """Raised by `emit` in the producer once its reader has gone."""


class Emit(Protocol[T_contra]):
    """Hand one item over; blocks while the reader is behind."""

    def __call__(self, item: T_contra, /) -> None:
        """Raise `Stopped` when the reader has gone."""


@contextmanager
def left_behind() -> Generator[list[anyio.Event], None, None]:
    """A list that grows by each thread which is left behind while the task is in the block.

    Each is an event that is set when the thread does end: until then it may still use what it used.
    """
    threads: list[anyio.Event] = []
    token = _left_behind.set(threads)
    try:
        yield threads
    finally:
        _left_behind.reset(token)


async def stream_from_thread(
    produce: Callable[[Emit[T]], None],
    *,
    ahead: int = 4,
    name: str = "tts-hub-producer",
    interrupt: Callable[[], None] | None = None,
) -> AsyncGenerator[T, None]:
    """Run `produce(emit)` in a thread of its own and yield what it emits.

    At most `ahead` items wait unread. `interrupt` is called, on the event loop's thread, when the reader
    has gone: it breaks off a call in which the thread would stay. When the generator is closed or its
    task cancelled, the next `emit` raises `Stopped`, and closing returns only after the thread has ended:
    whatever the thread used is free again then. A thread that does not end within `GRACE_SECONDS` is left
    behind: that is logged, and noted in the list of `left_behind`. An exception of the producer is raised
    here, after the items before it.
    """
    send, receive = anyio.create_memory_object_stream[T](ahead)
    worker = _Worker(produce, send, lowlevel.current_token())
    threading.Thread(target=worker.run, name=name, daemon=True).start()
    try:
        async for item in receive:
            yield item
    finally:
        receive.close()
        if interrupt is not None:
            interrupt()
        with anyio.move_on_after(GRACE_SECONDS, shield=True) as grace:
            await worker.ended.wait()
        if grace.cancelled_caught:
            logger.error("thread %s did not stop within %g s and is left behind", name, GRACE_SECONDS)
            if (threads := _left_behind.get()) is not None:
                threads.append(worker.ended)
    if worker.error is not None:
        raise worker.error


async def iterate_in_thread(
    items: Callable[[], Iterable[T]],
    *,
    ahead: int = 4,
    name: str = "tts-hub-producer",
    interrupt: Callable[[], None] | None = None,
) -> AsyncGenerator[T, None]:
    """`stream_from_thread` for a plain generator function."""

    def produce(emit: Emit[T]) -> None:
        for item in items():
            emit(item)

    stream = stream_from_thread(produce, ahead=ahead, name=name, interrupt=interrupt)
    try:
        async for item in stream:
            yield item
    finally:
        await stream.aclose()


class _Worker(Generic[T]):
    """The thread's side: runs the producer, and passes its items and its end to the event loop."""

    def __init__(
        self,
        produce: Callable[[Emit[T]], None],
        send: MemoryObjectSendStream[T],
        token: lowlevel.EventLoopToken,
    ) -> None:
        self._produce = produce
        self._send = send
        self._token = token
        self.ended = anyio.Event()
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self._produce(self._emit)
        except Stopped:
            pass
        except BaseException as exc:  # noqa: BLE001 - carried over to the reader, whatever it is
            self.error = exc
        finally:
            try:
                from_thread.run_sync(self._end, token=self._token)
            except RuntimeError:  # the event loop has ended, and the reader with it
                with suppress(RuntimeError):
                    self._send.close()

    def _emit(self, item: T, /) -> None:
        try:
            if not from_thread.run_sync(self._offer, item, token=self._token):
                from_thread.run(self._send.send, item, token=self._token)
        except (anyio.BrokenResourceError, anyio.ClosedResourceError, RuntimeError) as exc:
            raise Stopped from exc

    def _offer(self, item: T) -> bool:
        """Without waiting, which is the common case and spares a task per item."""
        try:
            self._send.send_nowait(item)
        except anyio.WouldBlock:
            return False
        return True

    def _end(self) -> None:
        self._send.close()
        self.ended.set()
