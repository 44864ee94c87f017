"""File descriptor 2, to which C libraries write messages and Textual draws."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager, redirect_stderr, suppress
from pathlib import Path

_lock = threading.Lock()
"""Held while descriptor 2 is redirected: two threads would restore each other's target."""


@contextmanager
def quiet_stderr() -> Generator[None, None, None]:
    """Drop what is written to descriptor 2 meanwhile.

    ALSA and JACK write a message about every device that they do not find.
    """
    with _lock, _redirect(Path(os.devnull)):
        yield


@contextmanager
def separate_screen(log: Path) -> Generator[None, None, None]:
    """Give `sys.__stderr__` a descriptor of its own, and redirect descriptor 2 to a log.

    Around a Textual app: C libraries cannot disturb its screen then, nor `quiet_stderr` what it draws.
    """
    screen = sys.__stderr__
    if screen is None or screen.fileno() != 2:
        yield
        return
    screen.flush()
    writer = open(os.dup(2), "w", encoding=screen.encoding, errors=screen.errors)  # noqa: SIM115 - closed below
    sys.__stderr__ = writer  # type: ignore[misc] # Textual takes it from there
    try:
        with redirect_stderr(writer), _redirect(log):
            yield
    finally:
        sys.__stderr__ = screen  # type: ignore[misc]
        with suppress(OSError):  # a closed terminal does not take the rest
            writer.close()


@contextmanager
def _redirect(path: Path) -> Generator[None, None, None]:
    try:
        kept = os.dup(2)
    except OSError:  # it is closed, so that nothing can be written to it
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
