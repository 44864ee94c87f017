"""How the server's process ends: at the first signal well, at the second at once."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Protocol

from tts_hub.system.signals import INTERRUPTED

SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


class Endable(Protocol):
    """What can be asked to end."""

    def stop(self) -> None:
        """Finish what runs, begin nothing."""

    def break_off(self) -> None:
        """Finish nothing."""


class Ending:
    """Takes the signals, from before there is a server.

    The handlers are Python's own, not those of the event loop: they also run where the loop stands still.
    """

    def __init__(self) -> None:
        self._signals = 0
        self._is_over = False
        """The server has ended, and the process is about to."""
        self._server: Endable | None = None

    @property
    def is_asked(self) -> bool:
        """A signal came."""
        return self._signals > 0

    @property
    def is_forced(self) -> bool:
        """A second one came."""
        return self._signals > 1

    @contextmanager
    def taking_signals(self) -> Generator[None, None, None]:
        """Take them, but for those that are ignored, as under `nohup`.

        They are taken up to the end of the process, in which a thread may hang; only after an error, which
        leaves what there was before, they are given back.
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
        """Have the server end, also if a signal came before it."""
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
    """End at once, without waiting for threads."""
    os._exit(INTERRUPTED)
