"""Leaving in time, whatever the rest of the process waits for."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

GRACE = 5.0
"""Seconds in which everything has to be put away after a signal."""
SIGNALLED = 128
"""Plus its number: a shell's exit code for a program that a signal ended."""


@contextmanager
def exit_in_time() -> Generator[None, None, None]:
    """After SIGTERM or SIGHUP the process ends within `GRACE`, also if its terminal stands still.

    An event loop that waits for a terminal, or an engine that is in the middle of loading, would hold it up.
    The handlers that are there (asyncio's) are called as ever. Only for the main thread.
    """
    before = {}
    for number in (signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
        handler = signal.getsignal(number)
        if callable(handler):
            before[number] = handler

    def end(number: int, frame: FrameType | None) -> None:
        timer = threading.Timer(GRACE, os._exit, [SIGNALLED + number])
        timer.daemon = True
        timer.start()
        before[number](number, frame)

    for number in before:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
