"""File descriptor 2: C libraries complain on it, and Textual draws on it."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager, redirect_stderr, suppress
from pathlib import Path

_lock = threading.Lock()
"""Two at once would restore each other's nowhere for good."""


@contextmanager
def quiet_stderr() -> Generator[None, None, None]:
    """What C code writes to stderr meanwhile is dropped; so is what anybody draws there.

    ALSA and JACK write about every device that they do not find.
    """
    with _lock, _redirect(Path(os.devnull)):
        yield


@contextmanager
def separate_screen(log: Path) -> Generator[None, None, None]:
    """Keep the screen for those who draw: `sys.__stderr__` gets a descriptor of its writer, 2 leads to a log.

    Around a Textual app: no C library can tear its screen then, and `quiet_stderr` swallows none of it.
    """
    screen = sys.__stderr__
    if screen is None or screen.fileno() != 2:
        yield
        return
    screen.flush()
    writer = open(os.dup(2), "w", encoding=screen.encoding, errors=screen.errors)  # noqa: SIM115 - see below
    sys.__stderr__ = writer  # type: ignore[misc] # Textual takes it from there
    try:
        with redirect_stderr(writer), _redirect(log):
            yield
    finally:
        sys.__stderr__ = screen  # type: ignore[misc]
        with suppress(OSError):  # what a terminal that has gone did not take
            writer.close()


@contextmanager
def _redirect(path: Path) -> Generator[None, None, None]:
    try:
        kept = os.dup(2)
    except OSError:  # it is closed: nobody can write to it
        yield
        return
    try:
        target = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        os.dup2(target, 2)
        os.close(target)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
