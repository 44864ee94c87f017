"""The engines of one hub: found by model name, chosen for `auto`, made when first wanted, closed together."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import anyio
from anyio.abc import TaskGroup

from tts_hub.config import Config
from tts_hub.engines.engine import Engine, close_all
from tts_hub.engines.loading import EngineState
from tts_hub.engines.registry import Entry, Registry
from tts_hub.errors import BackendUnavailableError, TTSHubError
from tts_hub.types import AUTO, Availability, Capabilities, ModelFiles, Voice

ANSWER_WITHIN = 5.0
"""Seconds that an engine has to answer for its voices before anything is loaded."""
MOST_BETWEEN_LOOKS = 15.0
"""Seconds after which idle engines are looked for again."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """One engine as `doctor` and the health page show it."""

    name: str
    description: str
    models: tuple[str, ...]
    patterns: tuple[str, ...]
    availability: Availability
    state: EngineState
    active: int
    """Segments that it generates now."""
    waiting: int
    """Requests that wait for their first turn."""
    silent_for: float
    """Seconds since it last gave anything while it has work; 0 without work."""
    statistics: Mapping[str, str | int | float] = field(default_factory=dict)
    """What the engine states about itself while it is loaded, such as its device."""
    downloads: tuple[ModelFiles, ...] = ()
    """The models whose files it can fetch, and what is here of them."""


class EnginePool:
    """Engines by name and model, as long as the hub is open."""

    def __init__(self, config: Config, registry: Registry, tasks: Callable[[], TaskGroup]) -> None:
        """`tasks` gives the task group that loading and background work run in, or raises `UsageError`."""
        self.registry = registry
        self.warms_up = False
        """Engines speak once when they are loaded, and the audio is dropped."""
        self._config = config
        self._tasks = tasks
        self._engines: dict[str, Engine] = {}

    def find(self, model: str) -> list[tuple[Engine, str]]:
        """(engine, model) of a model or alias; for `auto` those that may be chosen, best first.

        Raises:
            UnknownModelError: no engine has such a model.
            BackendUnavailableError: none is ready.
        """
        model = self._config.alias_target(model)
        if model != AUTO:
            model = self.registry.spelled(model)
            aliases = [a for a in self._config.aliases if self._config.alias_target(a) != model]
            return [(self.engine_of(self.registry.find(model, aliases)), model)]
        entries = self.ready_entries()
        if not entries:
            raise BackendUnavailableError(f"no engine is ready to speak: {self._why_none()}", backend=AUTO)
        return [(self.engine_of(entry), entry.name) for entry in entries]

    def engine_for(self, model: str) -> Engine:
        """The engine of a model or alias, or the best one for `auto`; raises as `find` does."""
        return self.find(model)[0][0]

    def ready_entries(self) -> list[Entry]:
        """The engines that `auto` may choose now, best first; none that failed to load a short time ago."""
        ready = self.registry.ready()
        known = {entry.name: self.get(entry.name) for entry in ready}
        healthy = [e for e in ready if not ((engine := known[e.name]) and engine.recently_failed())]
        return healthy or ready

    def get(self, name: str) -> Engine | None:
        """The engine of a name, if it has been made."""
        return self._engines.get(name)

    def made(self) -> list[Engine]:
        """The engines that were made so far."""
        return list(self._engines.values())

    def engine_of(self, entry: Entry) -> Engine:
        """The engine behind an entry of the registry.

        Raises:
            UsageError: the hub is not open.
        """
        tasks = self._tasks()
        if entry.name not in self._engines:
            limits = self._config.limits
            self._engines[entry.name] = Engine(entry, limits, tasks, warms_up=self.warms_up)
        return self._engines[entry.name]

    async def voices(self) -> Mapping[str, Sequence[Voice]]:
        """Engine name -> its voices, without the engines that are not ready, that fail or that are slow."""
        ready = [entry for entry in self.registry if entry.availability().ready]
        found: dict[str, Sequence[Voice]] = {entry.name: () for entry in ready}
        async with anyio.create_task_group() as tasks:  # two slow services are waited for at the same time
            for entry in ready:
                tasks.start_soon(self._list_voices, entry, found)
        return {name: voices for name, voices in found.items() if voices}

    def capabilities(self, name: str) -> Capabilities:
        """What an engine of a name can do."""
        return self.engine_of(self.registry.find(name)).capabilities

    def shortest_clips(self) -> Mapping[str, float]:
        """Engine name -> seconds that a sample must be longer than, of those that are ready and clone."""
        ready = [entry for entry in self.registry if entry.availability().ready]
        found = {entry.name: self.engine_of(entry).capabilities for entry in ready}
        return {name: can.clip_seconds for name, can in found.items() if can.cloning}

    def status(self) -> list[EngineStatus]:
        """Every engine that is installed or registered, ready or not."""
        return [self._status(entry) for entry in self.registry]

    async def unload_idle(self) -> None:
        """Unload engines without requests for `limits.idle_unload` seconds; runs until it is cancelled."""
        seconds = self._config.limits.idle_unload
        while True:
            await anyio.sleep(min(seconds / 4, MOST_BETWEEN_LOOKS))
            for engine in list(self._engines.values()):
                await engine.unload_if_idle(seconds)

    async def aclose(self) -> None:
        """Close all engines at the same time; one that fails does not keep the others from it."""
        engines, self._engines = self._engines, {}
        await close_all(engines.values())

    async def problems(self) -> list[str]:
        """What the configuration names and no engine has: models, aliases, voices."""
        found: list[str] = []
        for name in (self._config.model, *self._config.fallback, *self._config.aliases):
            try:
                self.find(name)
            except TTSHubError as exc:
                found.append(f"{name}: {exc}")
        for entry in self.registry:
            if entry.availability().ready and entry.settings().voice is not None:
                try:
                    await self.engine_of(entry).find_voice(None, None)
                except TTSHubError as exc:
                    found.append(f"backends.{entry.name}.voice: {exc}")
        return found

    async def _list_voices(self, entry: Entry, found: dict[str, Sequence[Voice]]) -> None:
        try:
            with anyio.fail_after(ANSWER_WITHIN):
                found[entry.name] = await self.engine_of(entry).voices()
        except Exception as exc:  # noqa: BLE001 - an engine's code: the other engines' voices are listed
            logger.warning("no voices of engine %s: %s", entry.name, exc)

    def _status(self, entry: Entry) -> EngineStatus:
        engine, availability = self.get(entry.name), entry.availability()  # which imports the plugin
        return EngineStatus(
            name=entry.name,
            description=entry.declared().description if not entry.broken else "",
            models=engine.known_models() if engine else entry.models(),
            patterns=entry.declared().patterns if not entry.broken else (),
            availability=availability,
            state=engine.state if engine else "unloaded",
            active=engine.active if engine else 0,
            waiting=engine.waiting_requests if engine else 0,
            silent_for=engine.silent_for if engine else 0.0,
            statistics=engine.statistics() if engine else {},
            downloads=entry.downloads(),
        )

    def _why_none(self) -> str:
        reasons = []
        for entry in self.registry:
            found = entry.availability()
            reason = "only when it is asked for by name" if found.ready else found.reason
            reasons.append(f"{entry.name}: {reason}")
        return "; ".join(reasons) or "none is installed"
