"""An end in time: a second signal ends the process, whatever it waits for."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress

SECOND_WITHIN = 1.5
"""Seconds from a second signal to the end of the process."""
INTERRUPTED = 130
"""Exit code of a process that a signal ended before its work was done, whichever signal it was."""
ENDING = {signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)}
logger = logging.getLogger(__name__)


@contextmanager
def ending_in_time(first_within: float | None = None) -> Generator[None, None, None]:
    """End the process `SECOND_WITHIN` after a second signal, and `first_within` after the first one.

    Enter it when the event loop has its own handlers, which are called as before. Signals are read in a
    thread, because an engine's code may block the event loop or ignore that it was cancelled. An end that has
    begun in the block also happens after it. Outside the main thread, where no signals arrive, it does
    nothing.
    """
    if os.name != "posix" or threading.current_thread() is not threading.main_thread():
        yield
        return
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    before = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    watch = threading.Thread(target=_watch, args=(reader, before, first_within), daemon=True)
    watch.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        writer.close()


def _watch(reader: socket.socket, pass_on_to: int, first_within: float | None) -> None:
    endings = 0
    with reader:
        while numbers := reader.recv(64):
            if pass_on_to >= 0:
                with suppress(OSError):  # the reader of before has ended
                    os.write(pass_on_to, numbers)
            for number in numbers:
                endings += number in ENDING
                if number in ENDING and endings == 1 and first_within is not None:
                    _end_after(first_within, f"something still runs {first_within:g} s after signal {number}")
                elif number in ENDING and endings == 2:
                    _end_after(SECOND_WITHIN)


def _end_after(seconds: float, reason: str = "") -> None:
    def end() -> None:
        time.sleep(seconds)
        if reason:
            logger.error("%s; the process ends now", reason)
        os._exit(INTERRUPTED)

    threading.Thread(target=end, daemon=True).start()
