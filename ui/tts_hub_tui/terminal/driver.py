"""Textual's driver for POSIX terminals, made robust against a closed terminal and invalid bytes."""

from __future__ import annotations

import os
import selectors
from codecs import getincrementaldecoder
from collections.abc import Callable
from contextlib import suppress
from typing import IO, TYPE_CHECKING

from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver

if TYPE_CHECKING:
    from textual.app import App

POLL_SECONDS = 0.1
"""Seconds between two looks at whether the app ends."""
MAX_BYTES = 4096
"""The most bytes that are read at once."""


class TerminalWriter:
    """Writes to a terminal; what a closed terminal does not take is dropped."""

    def __init__(self, file: IO[str], on_lost: Callable[[], None]) -> None:
        self._file = file
        self._on_lost = on_lost

    def write(self, text: str) -> int:
        """Write to the terminal.

        Textual's own writer would end on an error, and the app would wait for it forever.
        """
        try:
            return self._file.write(text)
        except OSError:
            self._on_lost()
            return len(text)

    def flush(self) -> None:
        """Flush the file."""
        try:
            self._file.flush()
        except OSError:
            self._on_lost()

    def isatty(self) -> bool:
        """Whether the file is a terminal."""
        return self._file.isatty()

    def fileno(self) -> int:
        """The file's descriptor."""
        return self._file.fileno()


class SturdyDriver(LinuxDriver):
    """Ends the app when its terminal is closed, and shows bytes that are no UTF-8 as `�`.

    Source: Textual's `LinuxDriver`, whose input thread ends the app on such bytes and spins at the end of
    the input.
    """

    def __init__(
        self,
        app: App[object],
        *,
        debug: bool = False,
        mouse: bool = True,
        size: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self._file = TerminalWriter(self._file, self._exit)  # type: ignore[arg-type, assignment] # it has the methods that are used

    def run_input_thread(self) -> None:
        """Send keys, mouse and pastes to the app until it ends."""
        parser = XTermParser(self._debug)
        decode = getincrementaldecoder("utf-8")("replace").decode
        with selectors.DefaultSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                if selector.select(POLL_SECONDS):
                    data = self._read()
                    if not data:
                        self._exit()
                        return
                    for message in parser.feed(decode(data)):
                        self.process_message(message)
                for message in parser.tick():
                    self.process_message(message)

    def _read(self) -> bytes:
        try:
            return os.read(self.fileno, MAX_BYTES)
        except OSError:
            return b""

    def _exit(self) -> None:
        """End the app; the threads that read and write call this."""
        with suppress(RuntimeError):  # the event loop, and so the app, has ended
            self._loop.call_soon_threadsafe(self._app.exit)
