"""Asking the hub for its engines again and again."""

from __future__ import annotations

from collections.abc import Callable

import anyio

from tts_hub.errors import BackendUnavailableError
from tts_hub_tui.failure import failure_of
from tts_hub_tui.hubs.interface import Catalogue, Hub

INTERVAL, TIMEOUT = 1.0, 10.0
"""Seconds between two questions, and for an answer: a slow server is waited for, a silent one is reported."""


class EngineWatch:
    """The engines that the hub listed last, and the error if it does not answer."""

    def __init__(self, hub: Hub, on_change: Callable[[], None]) -> None:
        self.catalogue = Catalogue((), None)
        self.error = ""
        """Why the hub does not answer; empty while it does."""
        self._hub = hub
        self._on_change = on_change
        self._woken = anyio.Event()

    async def run(self) -> None:
        """Ask until cancelled."""
        while True:
            self._woken = anyio.Event()
            before = self.catalogue, self.error
            await self._ask()
            if (self.catalogue, self.error) != before:
                self._on_change()
            with anyio.move_on_after(INTERVAL):
                await self._woken.wait()

    def refresh(self) -> None:
        """Ask at once, or again as soon as the present answer has come."""
        self._woken.set()

    async def _ask(self) -> None:
        try:
            with anyio.fail_after(TIMEOUT):
                self.catalogue = await self._hub.catalogue()
            self.error = ""
        except TimeoutError:
            silent = f"{self._hub.name} has not answered for {TIMEOUT:g} s"
            self.error = failure_of(BackendUnavailableError(silent, backend="hub")).line
        except Exception as exc:  # noqa: BLE001 - shown where the engine is chosen
            self.error = failure_of(exc).line
