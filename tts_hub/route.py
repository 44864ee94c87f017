"""Which engines a request may go through, and what it becomes for each of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from tts_hub.backend import TTSBackend
from tts_hub.engine import Engine
from tts_hub.errors import UnknownVoiceError, UnsupportedOptionError, one_of, shown
from tts_hub.progress import ProgressCallback
from tts_hub.types import Capabilities, SpeechRequest, Voice


@dataclass(frozen=True, slots=True)
class Stop:
    """One engine on the way of a request; the first one is what was asked for, the others are fallbacks."""

    engine: Engine
    model: str
    stands_in: bool = False
    """Not what was asked for: the voice and options of the request may be unknown to it."""
    only_at_start: bool = False
    """Takes over only when the engine before it cannot start at all."""


@dataclass(frozen=True, slots=True)
class Speaker:
    """An engine made ready for one request: names resolved, values checked."""

    engine: Engine
    backend: TTSBackend
    model: str
    voice: Voice
    speed: float
    """What the engine does itself."""
    tempo: float
    """What is left for the hub to do: requested speed = speed * tempo."""
    options: Mapping[str, object]
    ignored: tuple[str, ...]
    """Fields of the request that the engine has no use for."""


async def prepare_speaker(
    stop: Stop, request: SpeechRequest, on_progress: ProgressCallback, previous: Speaker | None
) -> Speaker:
    """Load the engine and resolve the request for it.

    A fallback engine does not know the first one's voices and options: it takes a voice of the same
    language where it lacks the named one, and its own default options.

    Raises:
        BackendUnavailableError: the engine cannot be loaded.
        InvalidRequestError: no such voice, language, option or markup here.
    """
    backend = await stop.engine.loaded(on_progress)
    capabilities = backend.capabilities_for(stop.model)
    if request.markup == "ssml" and not capabilities.ssml:
        raise UnsupportedOptionError(f"engine {stop.engine.name!r} does not understand SSML", param="markup")
    voice = await _voice(stop, backend, request, previous)
    speed = native_speed(capabilities, request.speed)
    return Speaker(
        engine=stop.engine,
        backend=backend,
        model=stop.model,
        voice=voice,
        speed=speed,
        tempo=request.speed / speed,
        options=_options(backend, {} if stop.stands_in else request.options),
        ignored=_ignored(request, capabilities, fallback=stop.stands_in),
    )


def native_speed(capabilities: Capabilities, speed: float) -> float:
    """What an engine does itself of a wanted speed."""
    low, high = capabilities.speed_range
    return min(max(speed, low), high)


async def _voice(stop: Stop, backend: TTSBackend, request: SpeechRequest, previous: Speaker | None) -> Voice:
    try:
        return await backend.find_voice(request.voice, request.language)
    except UnknownVoiceError:
        if not stop.stands_in:
            raise
    language = request.language or (previous.voice.language if previous else None)
    return await backend.find_voice(None, language)


def _options(backend: TTSBackend, given: Mapping[str, object]) -> Mapping[str, object]:
    model = backend.Options
    try:
        options = model.model_validate(dict(given)).model_dump()
    except ValidationError as exc:
        error = exc.errors()[0]
        name = ".".join(str(part) for part in error["loc"])
        if error["type"] == "extra_forbidden":
            message = (
                f"engine {backend.name!r} has no option {shown(name)}; {one_of(name, model.model_fields)}"
            )
        else:
            message = f"option {shown(name)} of engine {backend.name!r} is {shown(error['input'])}: "
            message += error["msg"].lower()
        raise UnsupportedOptionError(message, param=f"options.{name}") from exc
    for name, value in given.items():  # pydantic takes true for 1
        taken = options.get(name)
        if isinstance(value, bool) and isinstance(taken, int | float) and not isinstance(taken, bool):
            message = f"option {shown(name)} of engine {backend.name!r} is a number, not {shown(value)}"
            raise UnsupportedOptionError(message, param=f"options.{name}")
    return options


def _ignored(request: SpeechRequest, capabilities: Capabilities, *, fallback: bool) -> tuple[str, ...]:
    unused = {
        "seed": request.seed is not None and not capabilities.seed,
        "instructions": bool(request.instructions) and not capabilities.instructions,
        "options": fallback and bool(request.options),
    }
    return tuple(name for name, is_unused in unused.items() if is_unused)
