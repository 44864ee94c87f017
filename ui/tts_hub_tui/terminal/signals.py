"""Ending in time after a signal, whatever the process waits for."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

GRACE = 5.0
"""Seconds from a signal to the end of the process."""
SIGNALLED = 128
"""Added to the signal's number, the exit code that shells use for a program that a signal ended."""


@contextmanager
def exit_in_time() -> Generator[None, None, None]:
    """End the process within `GRACE` of a SIGTERM or SIGHUP, even if its terminal takes no output.

    An event loop that waits for a terminal, or an engine that is being loaded, would delay the end. The
    handlers that are installed (asyncio's) are still called. Only for the main thread.
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
