"""The hub: chooses the engine, opens the stream, and keeps engines loaded for as long as they are used."""

from __future__ import annotations

import logging
import uuid
from collections.abc import AsyncIterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self, Unpack

import anyio

from tts_hub.audio.file import AudioFileWriter
from tts_hub.audio.formats import check_sample_rate, find_format, format_of_file
from tts_hub.backend import TTSBackend
from tts_hub.config import Config, load_config
from tts_hub.containment import contained, contained_call
from tts_hub.cost.budget import Budget
from tts_hub.cost.pricing import CostEstimate
from tts_hub.engines.engine import EngineState
from tts_hub.engines.lifetime import Lifetime
from tts_hub.engines.pool import Engines
from tts_hub.engines.registry import Entry, Registry
from tts_hub.errors import (
    InvalidTextError,
    TTSHubError,
    UsageError,
)
from tts_hub.progress import ProgressCallback, ProgressEvent, ignore
from tts_hub.request.costs import RequestCosts, estimate_of
from tts_hub.request.generation import Generation, Replan
from tts_hub.request.planning import AUTO, Chooser
from tts_hub.request.route import Plan
from tts_hub.request.shaping import LoudnessMemory, Shaper
from tts_hub.request.stream import AudioStream, SpeechStream
from tts_hub.request.validation import checked_request
from tts_hub.text.source import SourceText
from tts_hub.types import Availability, ModelFiles, RequestFields, SpeechRequest, Voice

VOICES_WITHIN = 5.0
"""Seconds that an engine has to list its voices when those of all engines are asked for."""
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
    """Segments being generated."""
    waiting: int
    """Requests waiting for their first turn."""
    silent_for: float
    """Seconds since it last gave anything while it has work; 0 without work."""
    downloads: tuple[ModelFiles, ...] = ()
    """Models whose files it can fetch, and what is here of them."""


class TTSBackendManager:
    """Many engines behind one stream.

        async with TTSBackendManager.from_config() as manager:
            async with await manager.stream("Hello.", response_format="mp3") as speech:
                async for data in speech:
                    file.write(data)

    Where a block does not suit, as in the cells of a notebook, the fixtures of a test or the handlers of a
    web framework, open and close it by hand, in whatever tasks:

        await manager.open()
        ...
        await manager.aclose()

    All methods belong to the event loop that opened the manager; with another loop, make another manager. One
    that nobody closes is closed when its event loop ends.
    """

    def __init__(
        self, config: Config | None = None, *, discover: bool = True, warms_up: bool = False
    ) -> None:
        """Nothing is imported or loaded yet.

        Args:
            config: the defaults if not given.
            discover: false leaves installed plugins out.
            warms_up: engines speak a few words unheard when they are loaded, so that nobody waits for what
                they prepare at first use; good for a server, of no use to a program that speaks one text.
        """
        self.config = config if config is not None else Config()
        self.registry = Registry(self.config.backends, self.config.remote, discover=discover)
        self.warms_up = warms_up
        self._lifetime = Lifetime(self._close)
        self._engines = Engines(self.config.limits, self._lifetime.tasks)
        self._chooser = Chooser(self.config, self.registry, self._engines)
        self._loudness: LoudnessMemory = {}
        self._budget = Budget(self.config.budget)
        self._live: set[Generation] = set()

    @classmethod
    def from_config(cls, path: str | Path | None = None) -> Self:
        """A manager configured by file and environment; see `tts_hub.config.load_config`.

        Raises:
            ConfigError: unknown key, wrong value, unreadable file.
        """
        manager = cls(load_config(path).config)
        manager.registry.check_sections()
        return manager

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def open(self) -> None:
        """Make ready to speak; no engine is loaded yet.

        Raises:
            ConfigError: the config file's section of an engine is wrong.
            UsageError: it is open already.
        """
        self.registry.check_sections()
        await self._lifetime.open()
        self._engines.warms_up = self.warms_up
        if self.config.limits.idle_unload:
            self._lifetime.tasks().start_soon(self._engines.unload_idle)

    async def aclose(self) -> None:
        """End all streams and close all engines; nothing happens if that has been done.

        Raises:
            UsageError: it was opened in another event loop.
        """
        self._lifetime.check_loop()
        for generation in self._live:
            generation.stop()
        await self._lifetime.aclose()

    async def _close(self) -> None:
        await self._engines.aclose()

    @property
    def is_serving(self) -> bool:
        """Whether it takes requests: it is open, and its own tasks are running."""
        return self._lifetime.is_open

    def register(self, backend: TTSBackend | type[TTSBackend]) -> None:
        """Add an engine at run time: a class, or an instance that is set up already.

        Raises:
            UsageError: the name is taken.
        """
        if backend.name == AUTO:
            raise UsageError(f"{AUTO!r} is reserved for the best engine; give yours another name")
        self.registry.register(backend)

    async def stream(
        self,
        request: SpeechRequest | str | AsyncIterable[str],
        /,
        *,
        on_progress: ProgressCallback = ignore,
        **fields: Unpack[RequestFields],
    ) -> SpeechStream:
        """Speak, encoded in the request's format. Returns once the first audio exists.

        `request` is the text, the text as it is being written, or a whole `SpeechRequest`; `fields`
        are those of `SpeechRequest`.

        Raises:
            InvalidRequestError: what was asked for cannot be given.
            OverloadedError: no place in the engine's waiting line.
            BudgetExceededError: it may cost more than is allowed.
            BackendError: no engine could begin to speak.
        """
        wanted = checked_request(request, fields, self.config)
        audio_format = find_format(wanted.response_format or "")
        check_sample_rate(audio_format, wanted.sample_rate or 0)
        audio = await self._open(wanted, on_progress)
        speech = SpeechStream(audio, audio_format)
        await speech.start()
        return speech

    async def generate(
        self,
        request: SpeechRequest | str | AsyncIterable[str],
        /,
        *,
        on_progress: ProgressCallback = ignore,
        **fields: Unpack[RequestFields],
    ) -> AudioStream:
        """Speak as raw `AudioChunk`s, for players. Otherwise as `stream`."""
        wanted = checked_request(request, fields, self.config)
        return await self._open(wanted, on_progress)

    async def save(
        self,
        request: SpeechRequest | str | AsyncIterable[str],
        /,
        path: str | Path,
        *,
        on_progress: ProgressCallback = ignore,
        **fields: Unpack[RequestFields],
    ) -> AudioStream:
        """Speak into a file, which appears whole or not at all. Returns the ended stream: words, report.

        The format is the request's, else that of the file's suffix.

        Raises:
            OutputError: the file cannot be written.
        """
        wanted = checked_request(request, fields, self.config)
        named = fields.get("response_format") or (
            isinstance(request, SpeechRequest) and request.response_format
        )
        audio_format = find_format(named) if named else format_of_file(path)
        check_sample_rate(audio_format, wanted.sample_rate or 0)
        rate = wanted.sample_rate or 0
        with await anyio.to_thread.run_sync(AudioFileWriter, path, audio_format, rate) as writer:
            audio = await self._open(wanted, on_progress)
            async with audio:
                await _write_file(audio, writer)
        return audio

    async def estimate(
        self, request: SpeechRequest | str, /, **fields: Unpack[RequestFields]
    ) -> CostEstimate:
        """What `stream` would cost with the same arguments. Nothing is loaded, no service is asked.

        Raises:
            InvalidRequestError: what was asked for cannot be given, or the text is still being written.
            BackendUnavailableError: `auto` finds no engine that is ready.
        """
        wanted = checked_request(request, fields, self.config)
        if not isinstance(wanted.input, str):
            raise InvalidTextError("a text that is still being written cannot be estimated; give all of it")
        self._lifetime.tasks()
        plan = await self._chooser.plan(wanted, wanted.input)
        segments = self._source(wanted).segments(plan.cutting)
        return await estimate_of(plan.request, plan.route, segments)

    @property
    def spent(self) -> Mapping[tuple[str, str], float]:
        """(engine, model) -> US dollars that requests have cost since the manager was made."""
        return self._budget.spent

    async def voices(self, model: str | None = None) -> Mapping[str, Sequence[Voice]]:
        """Engine name -> its voices: of the engine behind `model`, or of all that are ready.

        Raises:
            UnknownModelError: no such model.
            BackendUnavailableError: the engine of `model` cannot be loaded.
        """
        self._lifetime.tasks()
        if model is not None:
            stop = self._chooser.stops(model)[0]
            return {stop.engine.name: await stop.engine.voices()}
        ready = [entry for entry in self.registry if entry.availability().ready]
        found: dict[str, Sequence[Voice]] = {entry.name: () for entry in ready}
        async with anyio.create_task_group() as tasks:  # a service far away keeps nobody waiting twice
            for entry in ready:
                tasks.start_soon(self._list_voices, entry, found)
        return {name: voices for name, voices in found.items() if voices}

    async def _list_voices(self, entry: Entry, found: dict[str, Sequence[Voice]]) -> None:
        try:
            with anyio.fail_after(VOICES_WITHIN):
                found[entry.name] = await self._engines.of(entry).voices()
        except Exception as exc:  # noqa: BLE001 - an engine's code: the other engines' voices are listed
            logger.warning("no voices of engine %s: %s", entry.name, exc)

    async def problems(self) -> list[str]:
        """What the configuration asks for by default and cannot get: models, voices, format, rate."""
        found: list[str] = []
        config = self.config
        for name in (config.model, *config.fallback, *config.aliases):
            try:
                self._chooser.stops(name)
            except TTSHubError as exc:
                found.append(f"{name}: {exc}")
        try:
            check_sample_rate(find_format(config.audio.response_format), config.audio.sample_rate)
        except TTSHubError as exc:
            found.append(str(exc))
        for entry in self.registry:
            if entry.availability().ready and entry.settings().voice is not None:
                try:
                    await self._engines.of(entry).find_voice(None, None)
                except TTSHubError as exc:
                    found.append(f"backends.{entry.name}.voice: {exc}")
        return found

    def status(self) -> list[EngineStatus]:
        """Every engine that is installed or registered, ready or not."""
        return [self._status(entry) for entry in self.registry]

    def options(self, name: str) -> Mapping[str, Any]:
        """JSON Schema of the options that requests to an engine may carry; empty if it does not import.

        Raises:
            UnknownModelError: no engine of that name.
        """
        return self.registry.find(name).options()

    def best(self) -> str | None:
        """The engine that `auto` means now; None when none is ready."""
        candidates = self._chooser.candidates()
        return candidates[0].name if candidates else None

    async def preload(self, model: str, on_progress: ProgressCallback = ignore) -> None:
        """Load the engine of a model ahead of its first request."""
        engine = self._chooser.stops(model)[0].engine
        with engine.in_use():
            await engine.loaded(_guarded(on_progress, ""))

    def model_files(self, model: str, variant: str | None = None) -> ModelFiles:
        """Where the files of a model are, or will be: of a variant, or of the one that is used.

        Raises:
            UnknownModelError: no such model or variant, or it has no files to fetch.
        """
        variants = self.registry.find_downloads(self.config.alias_target(model), variant)[1]
        return next((files for files in variants if not files.missing), variants[0])

    async def pull(
        self, model: str, on_progress: ProgressCallback = ignore, *, variant: str | None = None
    ) -> ModelFiles:
        """Fetch what is missing or damaged of the files of a model: of a variant, or of the usual one.

        Cancelling keeps what has arrived; the next call continues from there.

        Raises:
            BackendUnavailableError: they cannot be fetched.
            UnknownModelError: no such model or variant, or it has no files to fetch.
        """
        entry, variants = self.registry.find_downloads(self.config.alias_target(model), variant)
        await entry.pull(variants[0], _guarded(on_progress, ""))
        return self.model_files(model, variants[0].variant)

    async def remove(self, model: str, *, variant: str | None = None) -> int:
        """Delete the files of a model from this machine, of all its variants or of one; bytes freed.

        The engine is unloaded first; one that is in use keeps what it has in memory.

        Raises:
            UsageError: they are in a folder that the user manages.
            UnknownModelError: no such model or variant, or it has no files to fetch.
        """
        entry, variants = self.registry.find_downloads(self.config.alias_target(model), variant)
        if engine := self._engines.get(entry.name):
            await engine.unload_if_idle(0)
        return sum([await entry.remove(files) for files in variants])

    async def unload(self, name: str) -> None:
        """Free an engine's memory now.

        Raises:
            UnknownModelError: no engine of that name.
            UsageError: requests are using it.
        """
        entry = self.registry.find(name)
        if engine := self._engines.get(entry.name):
            await engine.unload()

    async def _open(self, request: SpeechRequest, on_progress: ProgressCallback) -> AudioStream:
        tasks, began = self._lifetime.tasks(), anyio.current_time()
        request_id = request.request_id or uuid.uuid4().hex[:12]
        tell = _guarded(on_progress, request_id)
        whole = request.input if isinstance(request.input, str) else None
        plan = await self._chooser.plan(request, whole)
        source = self._source(request)
        costs = RequestCosts(plan.request, request_id, self._budget.account())
        if self._budget.is_limited and whole is not None:
            await costs.allow_all(plan.route[0], source.segments(plan.cutting))
        generation = Generation(
            plan,
            request_id,
            source=source,
            replan=self._replan(request) if whole is None and self._chooser.may_detect(request) else None,
            limits=self.config.limits,
            text=self.config.text,
            costs=costs,
            tell=tell,
        )
        audio = AudioStream(
            request,
            request_id,
            generation=generation,
            shaper=Shaper(self.config.audio, request, self._loudness),
            tell=tell,
            began=began,
        )
        tasks.start_soon(self._run, generation)
        tell(ProgressEvent("queued", backend=plan.route[0].engine.name))
        await audio.start()
        return audio

    def _replan(self, request: SpeechRequest) -> Replan:
        """How to plan a request whose text is being written, once there is some of it."""

        async def replan(opening: str) -> Plan:
            return await self._chooser.plan(request, opening)

        return replan

    def _source(self, request: SpeechRequest) -> SourceText:
        return SourceText(request.input, request.markup, max_total_chars=self.config.text.max_characters)

    async def _run(self, generation: Generation) -> None:
        """One request's failure, even one of our own making, must not touch the others."""

        def failed(exc: BaseException) -> None:
            logger.error("a request ended by an error of the hub itself", exc_info=exc)

        self._live.add(generation)
        try:
            async with contained(failed):
                await generation.run()
        finally:
            self._live.discard(generation)

    def _status(self, entry: Entry) -> EngineStatus:
        engine = self._engines.get(entry.name)
        availability = entry.availability()
        return EngineStatus(
            name=entry.name,
            description=entry.declared().description if not entry.broken else "",
            models=engine.known_models() if engine else entry.models(),
            patterns=entry.declared().patterns if not entry.broken else (),
            availability=availability,
            state=engine.state if engine else "unloaded",
            active=engine.active if engine else 0,
            waiting=engine.newcomers if engine else 0,
            silent_for=engine.silent_for if engine else 0.0,
            downloads=entry.downloads(),
        )


def _guarded(on_progress: ProgressCallback, request_id: str) -> ProgressCallback:
    """A callback that carries the request's id and cannot break the speech."""

    def tell(event: ProgressEvent, /) -> None:
        with contained_call(lambda exc: logger.error("a progress callback failed", exc_info=exc)):
            on_progress(event if event.request_id else replace(event, request_id=request_id))

    return tell


async def _write_file(audio: AudioStream, writer: AudioFileWriter) -> None:
    """In threads: the disk may be slow."""
    async for chunk in audio:
        await anyio.to_thread.run_sync(writer.write, chunk.samples)
    await anyio.to_thread.run_sync(writer.commit)
