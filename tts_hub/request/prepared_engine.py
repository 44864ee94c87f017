"""Engines prepared for one request: loaded, names resolved, values checked."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass

import anyio

from tts_hub.backend import TTSBackend
from tts_hub.emotions.lowering import Lowered
from tts_hub.engines.engine import Engine
from tts_hub.engines.failures import logged
from tts_hub.errors import (
    BackendUnavailableError,
    EngineRefusedError,
    InvalidRequestError,
    TTSHubError,
    UnknownVoiceError,
    UnsupportedLanguageError,
    UnsupportedOptionError,
)
from tts_hub.progress import ProgressCallback
from tts_hub.request.cast import Cast
from tts_hub.request.options import checked_options
from tts_hub.request.route import Candidate, Plan
from tts_hub.text.languages import more_exact
from tts_hub.types import Capabilities, SpeechRequest, Voice


@dataclass(frozen=True, slots=True)
class PreparedEngine:
    """An engine made ready for one request: names resolved, values checked."""

    engine: Engine
    backend: TTSBackend
    model: str
    voice: Voice
    language: str
    """BCP 47 tag of what it speaks: the request's language, or the voice's variety of it; empty: any."""
    speed: float
    """The part of the requested speed that the engine does itself."""
    tempo: float
    """The part that the hub does: requested speed = speed * tempo."""
    instructions: str | None
    """How to speak, if the engine takes instructions: those of the emotion, then those of the request."""
    options: Mapping[str, object]
    """Validated values of the engine's options, defaults included."""
    ignored: tuple[str, ...]
    """Fields of the request that the engine has no use for."""


async def prepare_engine(
    candidate: Candidate,
    request: SpeechRequest,
    on_progress: ProgressCallback,
    previous: PreparedEngine | None,
) -> PreparedEngine:
    """Load the engine and resolve the request for it.

    A fallback engine does not know the first one's voices and options: it takes a voice of the same
    language where it lacks the named one, and its own default options. An engine that `auto` moves on to
    is asked for its voice before it is loaded.

    Raises:
        BackendUnavailableError: the engine cannot be loaded.
        InvalidRequestError: no such voice, language, option or markup here.
    """
    if candidate.only_at_start:
        await candidate.voice_for(request, request.language)
    backend = await candidate.engine.load(on_progress)
    capabilities = candidate.engine.checked_capabilities(candidate.model)
    candidate.require_markup(request)
    voice = await _voice(candidate, request, previous)
    speed = native_speed(capabilities, request.speed)
    manner = candidate.cast.manner(backend.lowering, (backend.name, candidate.model), capabilities)
    options = {} if candidate.is_fallback else request.options
    instructions = " ".join(filter(None, [manner.instructions, request.instructions]))
    return PreparedEngine(
        engine=candidate.engine,
        backend=backend,
        model=candidate.model,
        voice=voice,
        language=more_exact(voice.language, request.language or ""),
        speed=speed,
        tempo=request.speed / speed,
        instructions=instructions or None,
        options=_options(backend, options, candidate.cast, manner),
        ignored=(
            *_ignored(request, capabilities, fallback=candidate.is_fallback),
            *(f"emotion.{name}" for name in manner.ignored),
        ),
    )


def native_speed(capabilities: Capabilities, speed: float) -> float:
    """The part of a requested speed that an engine does itself."""
    low, high = capabilities.speed_range
    return min(max(speed, low), high)


async def _voice(candidate: Candidate, request: SpeechRequest, previous: PreparedEngine | None) -> Voice:
    try:
        return await candidate.find_voice(request.voice, request.language)
    except (UnknownVoiceError, UnsupportedLanguageError):
        if not candidate.is_fallback or request.voice is None:
            raise
    return await candidate.find_voice(None, request.language or (previous.language if previous else None))


def _options(
    backend: TTSBackend, requested: Mapping[str, object], cast: Cast, manner: Lowered
) -> Mapping[str, object]:
    """The options of the emotion, and over them those of the request.

    Raises:
        UnsupportedOptionError: one of them is unknown or wrong; where it is the emotion's, it says so.
    """
    try:
        of_emotion = checked_options(backend.name, backend.Options, manner.options)
    except UnsupportedOptionError as exc:
        raise UnsupportedOptionError(f"emotion {cast.emotion!r}: {exc}", param="emotion") from exc
    given = {name: of_emotion[name] for name in manner.options}
    return checked_options(backend.name, backend.Options, {**given, **requested})


def _ignored(request: SpeechRequest, capabilities: Capabilities, *, fallback: bool) -> tuple[str, ...]:
    unused = {
        "seed": request.seed is not None and not capabilities.seed,
        "instructions": bool(request.instructions) and not capabilities.instructions,
        "options": fallback and bool(request.options),
    }
    return tuple(name for name, is_unused in unused.items() if is_unused)


class PreparedEngines:
    """The prepared engines of a request by the candidates of its route. They stay loaded until `close`."""

    def __init__(self, request_id: str, on_progress: ProgressCallback, *, load_timeout: float) -> None:
        """`load_timeout`: seconds that an engine has to load."""
        self._request_id = request_id
        self._on_progress = on_progress
        self._load_timeout = load_timeout
        self._prepared: dict[str, PreparedEngine | TTSHubError] = {}
        """Engine name -> the prepared engine, or why it is none."""
        self._lock = anyio.Lock()
        self._users = ExitStack()

    async def get(self, plan: Plan, candidate: Candidate) -> PreparedEngine:
        """The engine of a candidate, loaded, with the request's voice and options resolved for it.

        It is prepared once: a failure is raised again for each segment that asks.

        Raises:
            BackendUnavailableError: it cannot be loaded.
            EngineRefusedError: it does not take the request, and is not the only one that might.
            InvalidRequestError: no such voice, language, option or markup there.
        """
        async with self._lock:
            name = candidate.engine.name
            if name not in self._prepared:
                try:
                    self._prepared[name] = await self._prepare(plan, candidate)
                except TTSHubError as exc:
                    self._prepared[name] = exc
            prepared = self._prepared[name]
        if isinstance(prepared, TTSHubError):
            raise prepared
        return prepared

    def close(self) -> None:
        """Let the engines forget the request; from now on they may be unloaded."""
        for prepared in self._prepared.values():
            if isinstance(prepared, PreparedEngine):
                with logged(prepared.engine.name, "release a request"):
                    prepared.backend.forget(self._request_id)
        self._users.close()

    async def _prepare(self, plan: Plan, candidate: Candidate) -> PreparedEngine:
        name, index = candidate.engine.name, plan.route.index(candidate)
        self._users.enter_context(candidate.engine.in_use())
        before = self._prepared.get(plan.route[index - 1].engine.name) if index else None
        previous = before if isinstance(before, PreparedEngine) else None
        try:
            with anyio.fail_after(self._load_timeout):
                return await prepare_engine(candidate, plan.request, self._on_progress, previous)
        except TimeoutError as exc:
            message = f"engine {name!r} was not loaded within {self._load_timeout:g} s"
            raise BackendUnavailableError(message, backend=name) from exc
        except InvalidRequestError as exc:
            others = plan.route[index:]
            if not candidate.is_fallback and not any(other.only_at_start for other in others):
                raise
            raise EngineRefusedError(exc, name, was_named=not candidate.only_at_start) from exc
