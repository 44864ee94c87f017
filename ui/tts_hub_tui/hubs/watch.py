"""Asking the hub for its engines again and again."""

from __future__ import annotations

from collections.abc import Callable

import anyio

from tts_hub.errors import BackendUnavailableError
from tts_hub_tui.hubs.interface import Catalogue, Hub
from tts_hub_tui.jobs.job import failure_of

EVERY, AT_MOST = 1.0, 10.0
"""Seconds between two looks, and for one: a slow server is waited for, a silent one is told."""


class Watch:
    """The engines as the hub told them last, and why it cannot be asked."""

    def __init__(self, hub: Hub, on_change: Callable[[], None]) -> None:
        self.catalogue = Catalogue((), None)
        self.away = ""
        """Empty: it answers."""
        self._hub = hub
        self._on_change = on_change
        self._now = anyio.Event()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._now = anyio.Event()
            before = self.catalogue, self.away
            await self._look()
            if (self.catalogue, self.away) != before:
                self._on_change()
            with anyio.move_on_after(EVERY):
                await self._now.wait()

    def look(self) -> None:
        """Ask at once, or again once the answer that is awaited has come."""
        self._now.set()

    async def _look(self) -> None:
        try:
            with anyio.fail_after(AT_MOST):
                self.catalogue = await self._hub.catalogue()
            self.away = ""
        except TimeoutError:
            silent = f"{self._hub.place} has not answered for {AT_MOST:g} s"
            self.away = failure_of(BackendUnavailableError(silent, backend="hub")).line
        except Exception as exc:  # noqa: BLE001 - told where the engine is chosen
            self.away = failure_of(exc).line
