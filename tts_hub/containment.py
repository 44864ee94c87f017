"""Other people's code, kept from taking the hub down: whatever it raises concerns one request."""

from __future__ import annotations

import asyncio
import dis
import signal
import traceback
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from functools import partial
from types import CodeType, TracebackType
from typing import Any

import anyio
import anyio.lowlevel

MOST_DESCRIBED = 1_000
"""Characters of an exception's text that are repeated in messages and logs."""
CANCEL_SECONDS = 1.0
"""Seconds that code which was cancelled has to end."""
OnFailure = Callable[[BaseException], None]


@asynccontextmanager
async def contained(on_failure: OnFailure) -> AsyncGenerator[None, None]:
    """Hand every exception of the block to `on_failure`, except what is meant for us.

    A cancelled future that the block awaited raises the same class as our own cancellation does. Extension
    modules raise classes of their own besides `Exception`, and libraries call `sys.exit`; any of these would
    end every other request in the task group. A real Ctrl-C passes: see `is_from_a_signal`.
    """
    try:
        yield
    except anyio.get_cancelled_exc_class() as exc:
        await anyio.lowlevel.checkpoint_if_cancelled()
        if _is_cancelled_by_asyncio():
            raise
        on_failure(exc)
    except BaseException as exc:
        if is_from_a_signal(exc):
            raise
        on_failure(exc)


def contained_call(on_failure: OnFailure) -> AbstractContextManager[None, bool]:
    """`contained` for a block that awaits nothing, so that no cancellation of ours can come out of it."""
    return _ContainedCall(on_failure)


async def ended_within(seconds: float, work: Callable[[], Awaitable[object]], on_failure: OnFailure) -> bool:
    """Run `work`, contained and not cancelled by its caller; false if it had not ended in time.

    It runs in a task outside all task groups: one that ignores its own cancellation too would keep a group,
    and with it the hub, from ever ending.
    """

    async def run() -> None:
        async with contained(on_failure):
            await work()

    task = asyncio.ensure_future(run())
    with anyio.CancelScope(shield=True):
        done, _ = await asyncio.wait({task}, timeout=seconds)
        if not done:
            task.cancel()
            await asyncio.wait({task}, timeout=CANCEL_SECONDS)
    return bool(done)


def described(exc: BaseException) -> str:
    """Class and text of an exception, shortened; also of one that fails when it is asked for its text."""
    try:
        text = str(exc)
    except BaseException as failure:
        if is_from_a_signal(failure):
            raise
        text = "(its text cannot be shown)"
    text = text if len(text) <= MOST_DESCRIBED else text[:MOST_DESCRIBED] + "…"
    return f"{type(exc).__name__}: {text}" if text else type(exc).__name__


def is_from_a_signal(exc: BaseException) -> bool:
    """Whether an exception ends the program because of Ctrl-C or another signal.

    Code that raises `KeyboardInterrupt` or `SystemExit` itself is not meant: such an exception comes neither
    out of an installed signal handler nor, where Python's own handler for Ctrl-C is in place (which leaves no
    trace), from between two instructions.
    """
    if not isinstance(exc, KeyboardInterrupt | SystemExit) or exc.__traceback__ is None:
        return False
    handlers = {_code_of(signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM)}
    if any(frame.f_code in handlers for frame, _ in traceback.walk_tb(exc.__traceback__)):
        return True
    is_default = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    return isinstance(exc, KeyboardInterrupt) and is_default and not _is_raised_by_a_statement(exc)


class _ContainedCall:
    def __init__(self, on_failure: OnFailure) -> None:
        self._on_failure = on_failure

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if exc is None or is_from_a_signal(exc):
            return False
        self._on_failure(exc)
        return True


def _code_of(handler: Any) -> CodeType | None:
    """The code of a signal handler, which may be a method or a `partial`."""
    while isinstance(handler, partial):
        handler = handler.func
    return getattr(handler, "__code__", None)


def _is_raised_by_a_statement(exc: BaseException) -> bool:
    trace = exc.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return False
    return dis.opname[trace.tb_frame.f_code.co_code[trace.tb_lasti]] == "RAISE_VARARGS"


def _is_cancelled_by_asyncio() -> bool:
    """Whether `Task.cancel` cancelled this task, as Ctrl-C and the end of a loop do, not a scope of anyio."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
