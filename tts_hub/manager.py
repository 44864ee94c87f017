"""The manager: what a program calls to speak, to list voices and models, and to fetch model files."""

from __future__ import annotations

from collections.abc import AsyncIterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, Unpack

import anyio

from tts_hub.audio.file import AudioFileWriter, write_chunks
from tts_hub.audio.formats import check_sample_rate, find_format, format_of_file
from tts_hub.backend import TTSBackend
from tts_hub.config import Config
from tts_hub.config_file.loading import load_config
from tts_hub.cost.pricing import CostEstimate
from tts_hub.engines.lifetime import Lifetime
from tts_hub.engines.pool import EnginePool, EngineStatus
from tts_hub.engines.preparation import Preparation, VoicePreparation
from tts_hub.engines.registry import Registry
from tts_hub.errors import TTSHubError, UsageError
from tts_hub.progress import ProgressCallback, ignore
from tts_hub.request.cast import listed_voices, stored_voice
from tts_hub.request.opening import RequestOpener, guarded
from tts_hub.request.stream import AudioStream, SpeechStream
from tts_hub.request.validation import checked_request
from tts_hub.store.prepared import PreparedStatistics
from tts_hub.store.store import Store
from tts_hub.types import AUTO, ModelFiles, RequestFields, SpeechRequest, Voice


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
    that is left open is closed when its event loop ends.
    """

    def __init__(
        self, config: Config | None = None, *, discover: bool = True, warms_up: bool = False
    ) -> None:
        """Nothing is imported or loaded yet.

        Args:
            config: the defaults if not given.
            discover: false leaves installed plugins out.
            warms_up: engines speak a few words when they are loaded, and the audio is dropped, so that no
                request waits for what they prepare at first use. Good for a server, useless for one speech.
        """
        self.config = config if config is not None else Config()
        self.registry = Registry(self.config.backends, self.config.remote, discover=discover)
        self.warms_up = warms_up
        self._lifetime = Lifetime()
        self._pool = EnginePool(self.config, self.registry, self._lifetime.tasks)
        self.store = Store(self.config.store, self._pool.shortest_clips)
        """The voices and emotion profiles that users keep."""
        self._preparation = VoicePreparation(self._pool, self.store)
        self._requests = RequestOpener(self.config, self._pool, self._lifetime.tasks, self.store)

    @classmethod
    def from_config(cls, path: str | Path | None = None) -> Self:
        """A manager configured by file and environment; see `tts_hub.load_config`.

        Raises:
            ConfigError: unknown key, wrong value, unreadable file.
        """
        manager = cls(load_config(path).config)
        manager.registry.check_sections()
        return manager

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()

    async def open(self) -> None:
        """Make ready to speak; no engine is loaded yet.

        Raises:
            ConfigError: the config file's section of an engine is wrong.
            UsageError: it is open already.
        """
        self.registry.check_sections()
        await self._lifetime.open(on_close=self._pool.aclose)
        self._pool.warms_up = self.warms_up
        if self.config.limits.idle_unload:
            self._lifetime.tasks().start_soon(self._pool.unload_idle)
        if self.warms_up and self.config.store.prepare:
            self._lifetime.tasks().start_soon(self._preparation.run)

    async def aclose(self) -> None:
        """End all streams and close all engines; nothing happens if that has been done.

        Raises:
            UsageError: it was opened in another event loop.
        """
        self._lifetime.check_loop()
        self._requests.stop_all()
        await self._lifetime.aclose()

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
        audio = await self._requests.open(wanted, on_progress)
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
        return await self._requests.open(wanted, on_progress)

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
            audio = await self._requests.open(wanted, on_progress)
            async with audio:
                await write_chunks(audio, writer)
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
        return await self._requests.estimate(wanted)

    @property
    def spent(self) -> Mapping[tuple[str, str], float]:
        """(engine, model) -> US dollars that requests have cost since the manager was made."""
        return self._requests.budget.spent

    async def voices(self, model: str | None = None) -> Mapping[str, Sequence[Voice]]:
        """Engine name -> its voices: of the engine behind `model`, or of all that are ready.

        Engines that clone have the voices of the store too, and every voice its emotions (`sarah:excited`).

        Raises:
            UnknownModelError: no such model.
            BackendUnavailableError: the engine of `model` cannot be loaded.
        """
        self._lifetime.tasks()
        names = await self.store.names()
        if model is not None:
            engine = self._pool.engine_for(model)
            found: Mapping[str, Sequence[Voice]] = {engine.name: await engine.voices()}
        else:
            found = await self._pool.voices()
        return {
            name: listed_voices(voices, names, self._pool.capabilities(name))
            for name, voices in found.items()
        }

    async def problems(self) -> list[str]:
        """What the configuration asks for by default and cannot get: models, voices, format, rate."""
        found = await self._pool.problems()
        audio = self.config.audio
        try:
            check_sample_rate(find_format(audio.response_format), audio.sample_rate)
        except TTSHubError as exc:
            found.append(str(exc))
        return found

    def status(self) -> list[EngineStatus]:
        """Every engine that is installed or registered, ready or not."""
        return self._pool.status()

    def options(self, name: str) -> Mapping[str, Any]:
        """JSON Schema of the options that requests to an engine may carry; empty if it does not import.

        Raises:
            UnknownModelError: no engine of that name.
        """
        return self.registry.find(name).options()

    def best(self) -> str | None:
        """The engine that `auto` means now; None when none is ready."""
        entries = self._pool.ready_entries()
        return entries[0].name if entries else None

    async def preload(self, model: str, on_progress: ProgressCallback = ignore) -> None:
        """Load the engine of a model ahead of its first request."""
        engine = self._pool.engine_for(model)
        with engine.in_use():
            await engine.load(guarded(on_progress, ""))

    async def prepare_voice(
        self, name: str, model: str | None = None, on_progress: ProgressCallback = ignore
    ) -> list[Preparation]:
        """Have engines compute ahead what they need of a stored voice, so that its first request is fast.

        Args:
            name: a voice of the store, or one with an emotion, such as `sarah:excited`.
            model: the engine, which is loaded for it; none: those that are loaded, or else the best one.
            on_progress: gets events of the stages `loading` and `preparing`.

        Raises:
            UnknownVoiceError: no such voice is stored, or it has no recording.
            BackendUnavailableError: no engine that is ready clones voices.
        """
        self._lifetime.tasks()
        return await self._preparation.prepare(
            stored_voice(name, await self.store.names()), model, guarded(on_progress, "")
        )

    def prepared(self, sample: str) -> list[Preparation]:
        """What engines have prepared of a recording, by its hash, since the manager was opened."""
        return self._preparation.state(sample)

    async def clear_prepared(self) -> PreparedStatistics:
        """Drop what engines have prepared, in memory and on disk; returns what was on disk."""
        self._preparation.forget()
        return await self.store.clear_prepared()

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
        await entry.pull(variants[0], guarded(on_progress, ""))
        return self.model_files(model, variants[0].variant)

    async def remove(self, model: str, *, variant: str | None = None) -> int:
        """Delete the files of a model from this machine, of all its variants or of one; bytes freed.

        The engine is unloaded first; one that is in use keeps what it has in memory.

        Raises:
            UsageError: they are in a folder that the user manages.
            UnknownModelError: no such model or variant, or it has no files to fetch.
        """
        entry, variants = self.registry.find_downloads(self.config.alias_target(model), variant)
        if engine := self._pool.get(entry.name):
            await engine.unload_if_idle(0)
        return sum([await entry.remove(files) for files in variants])

    async def unload(self, name: str) -> None:
        """Free an engine's memory now.

        Raises:
            UnknownModelError: no engine of that name.
            UsageError: requests are using it.
        """
        entry = self.registry.find(name)
        if engine := self._pool.get(entry.name):
            await engine.unload()
