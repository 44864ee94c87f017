"""Stored voices prepared ahead, so that no request waits for what an engine computes of a recording."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import anyio

from tts_hub.engines.engine import Engine
from tts_hub.engines.pool import EnginePool
from tts_hub.errors import BackendUnavailableError, InvalidRequestError, StoreError, TTSHubError
from tts_hub.progress import ProgressCallback, ProgressEvent, ignore
from tts_hub.store.names import Names
from tts_hub.store.store import Store
from tts_hub.types import Voice

LOOKS_EVERY = 0.5
"""Seconds between two looks for new voices and engines that were loaded."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Preparation:
    """What one engine has of one recording."""

    engine: str
    failure: str = ""
    """Why it could not be prepared; empty: it is prepared."""


class VoicePreparation:
    """Prepares stored voices on the engines of a hub."""

    def __init__(self, pool: EnginePool, store: Store) -> None:
        self._pool = pool
        self._store = store
        self._done: dict[tuple[str, str], Preparation] = {}
        """(engine, hash of the recording) -> how it went."""
        self._lock = anyio.Lock()

    def state(self, sample: str) -> list[Preparation]:
        """What was prepared of a recording since the hub was opened."""
        return [done for (_, digest), done in self._done.items() if digest == sample]

    def forget(self) -> None:
        """Count everything as not prepared, and have the engines drop what they keep in memory."""
        self._done.clear()
        for engine in self._pool.made():
            engine.forget_voices()

    async def prepare(
        self, voice: Voice, model: str | None = None, on_progress: ProgressCallback = ignore
    ) -> list[Preparation]:
        """Prepare a voice, whose newest recording comes first. A failure is in the answer.

        Args:
            voice: the voice.
            model: the engine to prepare it on, which is loaded; none: all that are loaded and clone voices,
                or else the best one that is ready.
            on_progress: gets events of the stage `preparing`, and those of loading.

        Raises:
            BackendUnavailableError: no engine that is ready clones voices, or the named one does not.
            UnknownModelError: no such model.
        """
        if model is not None:
            engines = [self._pool.engine_for(model)]
        else:
            able = [self._pool.engine_of(entry) for entry in self._pool.registry.ready()]
            able = [engine for engine in able if engine.capabilities.cloning]
            engines = [engine for engine in able if engine.state == "ready"] or able[:1]
        if not engines or not all(engine.capabilities.cloning for engine in engines):
            name = engines[0].name if engines else "auto"
            text = f"engine {name!r} clones no voices" if engines else "no engine that is ready clones voices"
            raise BackendUnavailableError(text, backend=name)
        return [await self._prepare(engine, voice, on_progress) for engine in engines]

    async def run(self) -> None:
        """Prepare the stored voices on each engine once it is loaded and idle; runs until it is cancelled."""
        while True:
            await anyio.sleep(LOOKS_EVERY)
            idle = [engine for engine in self._pool.made() if _is_idle(engine)]
            engines = [engine for engine in idle if engine.capabilities.cloning]
            if not engines:
                continue
            with suppress(StoreError):
                names = await self._store.names()
                await self._prepare_all(engines, names)

    async def _prepare_all(self, engines: list[Engine], names: Names) -> None:
        """Prepare voices that are not prepared, as long as their engine is idle."""
        for voice in _voices(names):
            for engine in engines:
                if (engine.name, voice.samples[0].hash) not in self._done and _is_idle(engine):
                    await self._prepare(engine, voice, ignore)

    async def _prepare(self, engine: Engine, voice: Voice, on_progress: ProgressCallback) -> Preparation:
        key = (engine.name, voice.samples[0].hash)
        async with self._lock:
            message = f"preparing voice {voice.name!r}"
            on_progress(ProgressEvent("preparing", backend=engine.name, message=message))
            try:
                with engine.in_use():
                    await engine.prepare_voice(voice, on_progress)
                self._done[key] = Preparation(engine.name)
            except InvalidRequestError as exc:
                self._done[key] = Preparation(engine.name, str(exc))
            except TTSHubError as exc:
                logger.warning("voice %s is not prepared: %s", voice.name, exc)
                self._done[key] = Preparation(engine.name, "the engine failed; the log says more")
        return self._done[key]


def _is_idle(engine: Engine) -> bool:
    return engine.state == "ready" and not engine.users


def _voices(names: Names) -> Iterator[Voice]:
    """All stored recordings that requests may speak with, each as a voice."""
    owners = [
        *((v.name, v.samples) for v in names.voices),
        *((p.full_name, p.samples) for p in names.profiles),
    ]
    for name, samples in owners:
        if samples:
            yield Voice(name, name, "", samples=(samples[-1].for_engines(),))
