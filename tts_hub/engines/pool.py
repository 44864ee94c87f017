"""The engines of one hub: each is made when it is first wanted, and all are closed together."""

from __future__ import annotations

from collections.abc import Callable

import anyio
from anyio.abc import TaskGroup

from tts_hub.config import LimitsConfig
from tts_hub.engines.engine import Engine, close_all
from tts_hub.engines.registry import Entry

MOST_BETWEEN_LOOKS = 15.0
"""Seconds after which idle engines are looked for again."""


class Engines:
    """Engines by name, as long as the hub is open."""

    def __init__(self, limits: LimitsConfig, tasks: Callable[[], TaskGroup]) -> None:
        """`tasks` gives the task group that loading and background work run in, or raises `UsageError`."""
        self.warms_up = False
        """Engines speak once unheard when they are loaded."""
        self._limits = limits
        self._tasks = tasks
        self._engines: dict[str, Engine] = {}

    def get(self, name: str) -> Engine | None:
        """The engine of a name, if it has been made."""
        return self._engines.get(name)

    def of(self, entry: Entry) -> Engine:
        """The engine behind an entry of the registry.

        Raises:
            UsageError: the hub is not open.
        """
        tasks = self._tasks()
        if entry.name not in self._engines:
            self._engines[entry.name] = Engine(entry, self._limits, tasks, warms_up=self.warms_up)
        return self._engines[entry.name]

    async def unload_idle(self) -> None:
        """Unload what nobody has used for `limits.idle_unload` seconds; runs until it is cancelled."""
        seconds = self._limits.idle_unload
        while True:
            await anyio.sleep(min(seconds / 4, MOST_BETWEEN_LOOKS))
            for engine in list(self._engines.values()):
                await engine.unload_if_idle(seconds)

    async def aclose(self) -> None:
        """Close all engines at the same time; one that fails does not keep the others from it."""
        engines, self._engines = self._engines, {}
        await close_all(engines.values())
