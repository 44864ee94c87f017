"""The hub: chooses the engine, opens the stream, and keeps engines loaded for as long as they are used."""

from __future__ import annotations

import logging
import uuid
from collections.abc import AsyncGenerator, AsyncIterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self, Unpack

import anyio
from anyio.abc import TaskGroup

from tts_hub.audio.file import AudioFileWriter
from tts_hub.audio.formats import check_sample_rate, find_format, format_of_file
from tts_hub.backend import TTSBackend
from tts_hub.budget import Budget
from tts_hub.config import Config, load_config
from tts_hub.containment import contained, contained_call
from tts_hub.costing import RequestCosts, estimate_of
from tts_hub.engine import Engine, EngineState, close_all
from tts_hub.errors import (
    BackendUnavailableError,
    InvalidTextError,
    TTSHubError,
    UnknownModelError,
    UsageError,
)
from tts_hub.generation import Generation
from tts_hub.pricing import CostEstimate
from tts_hub.progress import ProgressCallback, ProgressEvent, ignore
from tts_hub.registry import Entry, Registry
from tts_hub.route import Stop
from tts_hub.shaping import LoudnessMemory, Shaper
from tts_hub.stream import AudioStream, SpeechStream
from tts_hub.text.incoming import IncomingText
from tts_hub.text.segment import Segment, segments_of
from tts_hub.text.whole import whole_as_segment
from tts_hub.types import Availability, ModelFiles, RequestFields, SpeechRequest, Voice
from tts_hub.validation import checked_request

AUTO = "auto"
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

    All methods belong to the event loop that entered the manager.
    """

    def __init__(
        self, config: Config | None = None, *, discover: bool = True, warms_up: bool = False
    ) -> None:
        """Nothing is imported or loaded yet.

        Args:
            config: the defaults if not given.
            discover: false leaves installed plugins out.
            warms_up: engines speak once unheard when they are loaded, so that nobody waits for what they
                prepare at first use; a server does it, a program that speaks one text has nothing of it.
        """
        self.config = config if config is not None else Config()
        self.registry = Registry(self.config.backends, self.config.remote, discover=discover)
        self.warms_up = warms_up
        self._engines: dict[str, Engine] = {}
        self._loudness: LoudnessMemory = {}
        self._budget = Budget(self.config.budget)
        self._live: set[Generation] = set()
        self._running: AsyncExitStack | None = None
        self._tasks: TaskGroup | None = None

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
        if self._running is not None:
            raise UsageError("the manager is open already")
        self.registry.check_sections()
        async with AsyncExitStack() as stack:
            self._tasks = await stack.enter_async_context(anyio.create_task_group())
            stack.callback(self._tasks.cancel_scope.cancel)
            if self.config.limits.idle_unload:
                self._tasks.start_soon(self._unload_idle)
            self._running = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        running, self._running = self._running, None
        for generation in self._live:
            generation.stop()
        if running is not None:
            await running.__aexit__(None, None, None)  # told of `exc`, the group would wrap it
        self._tasks = None
        with anyio.CancelScope(shield=True):
            await close_all(self._engines.values())
        self._engines.clear()

    @property
    def is_serving(self) -> bool:
        """Whether it takes requests: it is open, and its own tasks are running."""
        return self._tasks is not None and not self._tasks.cancel_scope.cancel_called

    def register(self, backend: TTSBackend | type[TTSBackend]) -> None:
        """Add an engine at run time: a class, or an instance that is set up already.

        Raises:
            UsageError: the name is taken.
        """
        if backend.name == AUTO:
            raise UsageError(f"{AUTO!r} stands for the best engine; give yours another name")
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
        route = self._route(wanted.model or AUTO, wanted.fallback or ())
        return await estimate_of(wanted, route, self._segments(wanted, None, route))

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
        self._require_open()
        if model is not None:
            stop = self._route(model, ())[0]
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
                found[entry.name] = await self._engine(entry).voices()
        except Exception as exc:  # noqa: BLE001 - a stranger's code: the other engines' voices are listed
            logger.warning("no voices of engine %s: %s", entry.name, exc)

    async def problems(self) -> list[str]:
        """What the configuration asks for by default and cannot get: models, voices, format, rate."""
        found: list[str] = []
        config = self.config
        for name in (config.model, *config.fallback, *config.aliases):
            try:
                self._stops(name)
            except TTSHubError as exc:
                found.append(f"{name}: {exc}")
        try:
            check_sample_rate(find_format(config.audio.response_format), config.audio.sample_rate)
        except TTSHubError as exc:
            found.append(str(exc))
        for entry in self.registry:
            if entry.availability().ready and entry.settings().voice is not None:
                try:
                    await self._engine(entry).find_voice(None, None)
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
        candidates = self._auto()
        return candidates[0].name if candidates else None

    async def preload(self, model: str, on_progress: ProgressCallback = ignore) -> None:
        """Load the engine of a model ahead of its first request."""
        self._require_open()
        engine = self._route(model, ())[0].engine
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

        Cancelling keeps what has arrived; the next call goes on from there.

        Raises:
            BackendUnavailableError: they cannot be fetched.
            UnknownModelError: no such model or variant, or it has no files to fetch.
        """
        entry, variants = self.registry.find_downloads(self.config.alias_target(model), variant)
        await entry.pull(variants[0], _guarded(on_progress, ""))
        return self.model_files(model, variants[0].variant)

    async def remove(self, model: str, *, variant: str | None = None) -> int:
        """Delete the files of a model from this machine, of all its variants or of one; bytes freed.

        The engine is unloaded first; one that is in use goes on with what it has in memory.

        Raises:
            UsageError: they are in a folder of the user's.
            UnknownModelError: no such model or variant, or it has no files to fetch.
        """
        entry, variants = self.registry.find_downloads(self.config.alias_target(model), variant)
        if entry.name in self._engines:
            await self._engines[entry.name].unload_if_idle(0)
        return sum([await entry.remove(files) for files in variants])

    async def unload(self, name: str) -> None:
        """Free an engine's memory now.

        Raises:
            UnknownModelError: no engine of that name.
            UsageError: requests are using it.
        """
        entry = self.registry.find(name)
        if entry.name in self._engines:
            await self._engines[entry.name].unload()

    async def _open(self, request: SpeechRequest, on_progress: ProgressCallback) -> AudioStream:
        tasks = self._require_open()
        route = self._route(request.model or AUTO, request.fallback or ())
        request_id = request.request_id or uuid.uuid4().hex[:12]
        tell = _guarded(on_progress, request_id)
        incoming = None if isinstance(request.input, str) else IncomingText(request.input)
        costs = RequestCosts(request, request_id, route, self._budget.account())
        if self._budget.is_limited and incoming is None:
            await costs.allow_all(self._segments(request, None, route))
        generation = Generation(
            request,
            request_id,
            segments=self._segments(request, incoming, route),
            incoming=incoming,
            route=route,
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
        )
        tasks.start_soon(self._run, generation)
        tell(ProgressEvent("queued", backend=route[0].engine.name))
        await audio.start()
        return audio

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

    def _segments(
        self, request: SpeechRequest, incoming: IncomingText | None, route: Sequence[Stop]
    ) -> AsyncGenerator[Segment, None]:
        text = self.config.text
        source = request.input if incoming is None else incoming.pieces()
        if request.markup == "ssml":
            return whole_as_segment(source, max_total_chars=text.max_characters)
        all_capabilities = [stop.engine.capabilities_for(stop.model) for stop in route]
        first = all_capabilities[0]
        limits = [c.max_chars for c in all_capabilities if c.max_chars is not None]
        return segments_of(
            source,
            max_total_chars=text.max_characters,
            language=request.language or "en",
            max_chars=min([text.segment_characters, *limits]),
            first_max_chars=None if first.streaming else first.first_chars or text.first_segment_characters,
        )

    def _route(self, model: str, fallback: Sequence[str]) -> list[Stop]:
        """The engines to go through, none of them twice.

        What `auto` would move on to at the start, and is named as a fallback, is the latter: it may take over
        at any time, in its order.
        """
        stops = self._stops(model)
        fallbacks: list[Stop] = []
        for name in fallback:
            try:
                fallbacks += [replace(stop, stands_in=True) for stop in self._stops(name)[:1]]
            except UnknownModelError as exc:
                raise UnknownModelError(f"fallback: {exc}", param="fallback") from exc
        named = {stop.engine.name for stop in fallbacks}
        stops = [stop for stop in stops if not (stop.only_at_start and stop.engine.name in named)]
        return list({stop.engine.name: stop for stop in reversed(stops + fallbacks)}.values())[::-1]

    def _stops(self, name: str) -> list[Stop]:
        model = self.config.alias_target(name)
        if model != AUTO:
            model = self.registry.spelled(model)
            aliases = [a for a in self.config.aliases if self.config.alias_target(a) != model]
            return [Stop(self._engine(self.registry.find(model, aliases)), model)]
        candidates = self._auto()
        if not candidates:
            raise BackendUnavailableError(f"no engine is ready to speak: {self._why_none()}", backend=AUTO)
        first, *others = [Stop(self._engine(entry), entry.name) for entry in candidates]
        return [first, *(replace(stop, only_at_start=True) for stop in others)]

    def _auto(self) -> list[Entry]:
        ready = self.registry.ready()
        healthy = [
            e for e in ready if e.name not in self._engines or not self._engines[e.name].recently_failed()
        ]
        return healthy or ready

    def _why_none(self) -> str:
        ready = {True: "only when it is asked for by name"}
        reasons = [
            f"{s.name}: {ready.get(s.availability.ready, s.availability.reason)}" for s in self.status()
        ]
        return "; ".join(reasons) or "none is installed"

    def _engine(self, entry: Entry) -> Engine:
        if entry.name not in self._engines:
            self._engines[entry.name] = Engine(
                entry, self.config.limits, self._require_open(), warms_up=self.warms_up
            )
        return self._engines[entry.name]

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

    def _require_open(self) -> TaskGroup:
        if self._tasks is None:
            raise UsageError("the manager is not open: use `async with TTSBackendManager(...) as manager`")
        return self._tasks

    async def _unload_idle(self) -> None:
        seconds = self.config.limits.idle_unload
        while True:
            await anyio.sleep(min(seconds / 4, 15.0))
            for engine in list(self._engines.values()):
                await engine.unload_if_idle(seconds)


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
