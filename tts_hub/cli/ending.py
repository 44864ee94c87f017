"""The end of the server's process: a normal one at the first signal, an immediate one at the second."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Protocol

from tts_hub.system.signals import INTERRUPTED

SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


class Endable(Protocol):
    """A server that can be asked to end."""

    def stop(self) -> None:
        """Finish the running streams, and begin none."""

    def break_off(self) -> None:
        """End at once."""


class Ending:
    """Handles the signals, also before there is a server.

    The handlers are those of Python, not of the event loop: they also run while the loop is blocked.
    """

    def __init__(self) -> None:
        self._signals = 0
        self._is_over = False
        """The server has ended, and the process is about to end."""
        self._server: Endable | None = None

    @property
    def is_asked(self) -> bool:
        """Whether a signal has come."""
        return self._signals > 0

    @property
    def is_forced(self) -> bool:
        """Whether a second signal has come."""
        return self._signals > 1

    @contextmanager
    def taking_signals(self) -> Generator[None, None, None]:
        """Handle the signals, except those that are ignored, as under `nohup`.

        The handlers stay to the end of the process, where a thread may hang. Only after an error are the
        former ones restored.
        """
        numbers = [getattr(signal, name) for name in SIGNALS if hasattr(signal, name)]
        taken = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
        before = {number: signal.signal(number, self._on_signal) for number in taken}
        try:
            yield
            self._is_over = True
        except BaseException:
            for number, handler in before.items():
                signal.signal(number, handler)
            raise

    def watch(self, server: Endable) -> None:
        """Make signals end this server, also one that came before."""
        self._server = server
        self._pass_on()

    def _on_signal(self, number: int, frame: Any) -> None:
        self._signals += 1
        if self._is_over:
            end_process()
        self._pass_on()

    def _pass_on(self) -> None:
        if self._server is None or not self.is_asked:
            return
        if self.is_forced:
            self._server.break_off()
        else:
            self._server.stop()


def end_process() -> None:
    """End the process at once, without waiting for threads."""
    os._exit(INTERRUPTED)
