"""Names and patterns -> engine classes, found through entry points and imported only when used."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from pydantic import ValidationError

from tts_hub.backend import BackendSettings, TTSBackend, model_names
from tts_hub.config import explain
from tts_hub.containment import contained_call, described
from tts_hub.engines.declaration import (
    FaultError,
    checked_availability,
    checked_class,
    checked_downloads,
    checked_settings,
)
from tts_hub.engines.failures import ask, asking, logged
from tts_hub.errors import (
    BackendUnavailableError,
    ConfigError,
    UnknownModelError,
    UsageError,
    one_of,
    shown,
    update_command,
)
from tts_hub.progress import ProgressCallback
from tts_hub.types import AUTO, Availability, ModelFiles

GROUP = "tts_hub.backends"


@dataclass(slots=True)
class Entry:
    """One engine that the hub knows of; its class may not be imported yet, or may not import at all."""

    name: str
    plugin: EntryPoint | None = None
    backend: type[TTSBackend] | None = None
    instance: TTSBackend | None = None
    """Given ready-made to `register`."""
    broken: str = ""
    """Why the plugin could not be imported, or what is wrong with what it declares."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """Its section of the config file."""
    renamed: bool = False
    """One of several of its kind, from a section `[remote.<name>]`; the plugin is that of the kind."""
    _missing: str = ""
    """The module that its import did not find."""

    @property
    def table(self) -> str:
        """The table of the config file that its section is in."""
        return "remote" if self.renamed else "backends"

    def backend_class(self) -> type[TTSBackend]:
        """Import the plugin if that has not happened.

        Raises:
            BackendUnavailableError: the plugin cannot be imported.
        """
        if self.backend is None and not self.broken:
            self._import()
        if self.backend is None:
            raise BackendUnavailableError(
                f"engine {self.name!r} cannot be used: {self.broken}",
                backend=self.name,
                remedy=self._remedy(),
            )
        return self.backend

    def declared(self) -> TTSBackend | type[TTSBackend]:
        """Where the engine says what it is: the instance if there is one, else its class.

        Raises:
            BackendUnavailableError: the plugin cannot be imported.
        """
        backend = self.backend_class()
        return self.instance if self.instance is not None else backend

    def settings(self) -> BackendSettings:
        """The checked settings of the engine.

        Raises:
            ConfigError: its section of the config file is wrong.
            BackendUnavailableError: the plugin cannot be imported, or fails when it reads them.
        """
        backend, instance = self.backend_class(), self.instance
        if instance is not None:
            return ask(self.name, "give its settings", lambda: checked_settings(instance.settings, self.name))
        model = backend.Settings
        try:
            return ask(self.name, "read its settings", lambda: model.model_validate(self.values))
        except BackendUnavailableError as exc:
            if not isinstance(exc.__cause__, ValidationError):
                raise
            prefix = f"{self.table}.{self.name}"
            raise ConfigError(explain(exc.__cause__, model, prefix=prefix)) from exc.__cause__

    def availability(self) -> Availability:
        """Whether the engine can run now, and what would fix it."""
        try:
            backend, settings = self.declared(), self.settings()
        except BackendUnavailableError as exc:
            reason = self.broken or str(exc)
            return Availability(ready=False, reason=reason, remedy=exc.remedy, internal=True)
        except ConfigError as exc:
            return Availability(ready=False, reason=str(exc))
        if not settings.enabled:
            return Availability(ready=False, reason="switched off in the configuration")
        failures: list[BaseException] = []
        with contained_call(failures.append):
            return checked_availability(backend.availability(settings), self.name)
        return Availability(ready=False, reason=f"its own check failed: {_fault(failures[0])}", internal=True)

    def downloads(self) -> tuple[ModelFiles, ...]:
        """Models whose files the engine can fetch; none when it does not even answer that."""
        with logged(self.name, "list the files it needs"):
            return checked_downloads(self.declared().downloads(self.settings()), self.name)
        return ()

    def options(self) -> Mapping[str, Any]:
        """JSON Schema of the options that requests may carry; empty when it cannot be had."""
        with logged(self.name, "list its options"):
            return self.declared().Options.model_json_schema()
        return {}

    async def pull(self, files: ModelFiles, on_progress: ProgressCallback) -> None:
        """Fetch one of `downloads`.

        Raises:
            BackendUnavailableError: they cannot be fetched.
        """
        async with asking(self.name, f"fetch {files.model!r}"):
            await self.declared().pull(files, self.settings(), on_progress)

    async def remove(self, files: ModelFiles) -> int:
        """Delete one of `downloads`; bytes that are free again.

        Raises:
            UsageError: the files are not the hub's to delete.
            BackendUnavailableError: they cannot be deleted.
        """
        async with asking(self.name, f"delete {files.model!r}"):
            return int(await self.declared().remove(files, self.settings()))

    def models(self) -> tuple[str, ...]:
        """Exact model names; just the engine's name when its class does not import."""
        try:
            return model_names(self.declared())
        except BackendUnavailableError:
            return (self.name,)

    def answers_to(self, model: str) -> bool:
        """Whether a model name is one of this engine's, exactly or by pattern."""
        if model == self.name:
            return True
        try:
            backend = self.declared()
        except BackendUnavailableError:
            return False
        return model in model_names(backend) or any(fnmatch.fnmatchcase(model, p) for p in backend.patterns)

    def _import(self) -> None:
        if self.plugin is None:
            return
        with contained_call(self._note_broken):
            loaded = self.plugin.load()
            if not (isinstance(loaded, type) and issubclass(loaded, TTSBackend)):
                self.broken = f"{self.plugin.value} is not a TTSBackend class"
            elif self.renamed and not loaded.many:
                self.broken = f"there is only one engine of kind {loaded.name!r}: it is not a remote service"
            else:
                self.backend = loaded.named(self.name) if self.renamed else loaded
                self.check()

    def check(self) -> None:
        """Look at what the engine declares; one that declares nonsense cannot be used."""
        with contained_call(self._note_broken):
            declared = self.instance if self.instance is not None else self.backend
            if declared is not None:
                checked_class(declared, self.name)

    def _note_broken(self, exc: BaseException) -> None:
        self.backend = None
        self.broken = _fault(exc)
        self._missing = exc.name or "" if isinstance(exc, ModuleNotFoundError) else ""

    def _remedy(self) -> str:
        if self._missing:
            return f"pip install {self._missing}"
        package = self.plugin.dist.name if self.plugin is not None and self.plugin.dist is not None else ""
        if package == "tts-hub":
            return update_command()
        return f"pip install --upgrade {package}" if package else ""


def _fault(exc: BaseException) -> str:
    """What is wrong with an engine, without its name."""
    return exc.fault if isinstance(exc, FaultError) else described(exc)


class Registry:
    """All engines by name."""

    def __init__(
        self,
        sections: Mapping[str, Mapping[str, Any]] | None = None,
        remotes: Mapping[str, Mapping[str, Any]] | None = None,
        *,
        discover: bool = True,
    ) -> None:
        """`sections` are those of `[backends.<name>]`, `remotes` those of `[remote.<name>]`."""
        self._sections = sections or {}
        self._remotes = remotes or {}
        self._discover = discover
        self._entries: dict[str, Entry] | None = None

    def register(self, backend: TTSBackend | type[TTSBackend]) -> Entry:
        """Add an engine at run time, as a class or as a ready-made instance.

        Raises:
            UsageError: the name is taken.
        """
        entries = self._all()
        if backend.name in entries:
            raise UsageError(f"an engine named {backend.name!r} is registered already")
        if isinstance(backend, TTSBackend):
            entry = Entry(backend.name, backend=type(backend), instance=backend)
        else:
            entry = Entry(backend.name, backend=backend, values=self._sections.get(backend.name, {}))
        entry.check()
        entries[backend.name] = entry
        return entry

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._all().values())

    def check_sections(self) -> None:
        """Hold the engines' sections of the config to their models.

        Raises:
            ConfigError: a section for an engine that is not installed, or a wrong value.
        """
        entries = self._all()
        for name in self._sections:
            if name not in entries:
                raise ConfigError(
                    f"section 'backends.{name}' belongs to no installed engine; {one_of(name, entries)}"
                )
        for name in [*self._sections, *self._remotes]:
            with suppress(BackendUnavailableError):  # `availability` reports it
                entries[name].settings()

    def find(self, model: str, aliases: Iterable[str] = ()) -> Entry:
        """The engine that answers to a model name: by exact name first, then by pattern.

        `aliases` are configured names of models, which the error lists too.

        Raises:
            UnknownModelError: none does; the error names what exists.
        """
        entries = self._all()
        if model in entries:
            return entries[model]
        for entry in entries.values():
            if entry.answers_to(model):
                return entry
        ready: dict[bool, list[str]] = {True: [], False: []}
        for entry in entries.values():
            ready[entry.availability().ready] += entry.models()
        known = [AUTO, *ready[True], *aliases, *ready[False]]
        raise UnknownModelError(f"unknown model {shown(model)}; {one_of(model, known)}")

    def spelled(self, model: str) -> str:
        """The name of a model as its engine writes it; as it is given if there is none, whatever the case."""
        entries = self._all()
        if model in entries or any(entry.answers_to(model) for entry in entries.values()):
            return model
        known = (name for entry in entries.values() for name in (entry.name, *entry.models()))
        return next((name for name in known if name.casefold() == model.casefold()), model)

    def find_downloads(self, model: str, variant: str | None = None) -> tuple[Entry, list[ModelFiles]]:
        """The engine that can fetch the files of a model, and what is here of its variants, or of one.

        `model` may name the variant too, behind a colon: `kokoro:int8`.

        Raises:
            UnknownModelError: no engine can, or there is no such variant; the error names what there is.
        """
        model, _, named = model.partition(":")
        model, variant = self.spelled(model), variant or named or None
        offered = [(entry, files) for entry in self for files in entry.downloads()]
        found = [(entry, files) for entry, files in offered if files.model == model]
        if not found:
            self.find(model)  # raises for a model that no engine has
            known = one_of(model, dict.fromkeys(files.model for _, files in offered))
            raise UnknownModelError(f"there is nothing to pull for model {shown(model)}; {known}")
        variants = [files for _, files in found]
        wanted = [files for files in variants if variant in {None, files.variant}]
        if not wanted:
            known = one_of(variant or "", [files.variant for files in variants if files.variant])
            raise UnknownModelError(
                f"model {shown(model)} has no variant {shown(variant)}; {known}", param="variant"
            )
        return found[0][0], wanted

    def ready(self) -> list[Entry]:
        """The engines that `auto` may choose, best first."""
        candidates = [e for e in self if e.availability().ready and e.declared().priority >= 0]
        return sorted(candidates, key=lambda e: -e.declared().priority)

    def _all(self) -> dict[str, Entry]:
        if self._entries is None:
            self._entries = {}
            for plugin in sorted(entry_points(group=GROUP)) if self._discover else []:
                self._add(plugin)
            for name, values in self._remotes.items():
                self._entries[name] = self._remote(name, values)
        return self._entries

    def _remote(self, name: str, values: Mapping[str, Any]) -> Entry:
        """One more of an installed engine.

        Raises:
            ConfigError: no such kind, or the name is taken.
        """
        entries = self._entries or {}
        if name in entries:
            raise ConfigError(
                f"section 'remote.{name}': an engine of that name exists already; choose another name"
            )
        kind = values["kind"]
        found = entries.get(kind)
        if found is None or found.plugin is None or found.renamed:
            raise ConfigError(f"setting 'remote.{name}.kind' is {kind!r}; {one_of(kind, entries)}")
        own = {key: value for key, value in values.items() if key != "kind"}
        return Entry(name, found.plugin, values=own, renamed=True)

    def _add(self, plugin: EntryPoint) -> None:
        entries = self._entries if self._entries is not None else {}
        taken = entries.get(plugin.name)
        if taken is None:
            entries[plugin.name] = Entry(plugin.name, plugin, values=self._sections.get(plugin.name, {}))
        elif taken.plugin is not None and taken.plugin.value != plugin.value:
            taken.broken = f"two packages offer it: {taken.plugin.value} and {plugin.value}"
            taken.backend = None
