"""Which engines a request may go through, and what it becomes for each of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from tts_hub.backend import BackendOptions, TTSBackend
from tts_hub.engines.engine import Engine
from tts_hub.errors import (
    UnknownVoiceError,
    UnsupportedLanguageError,
    UnsupportedOptionError,
    one_of,
    shown,
)
from tts_hub.progress import ProgressCallback
from tts_hub.text.languages import more_exact, nearness
from tts_hub.text.source import Cutting
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

    async def find_voice(self, voice: str | None, language: str | None) -> Voice:
        """The voice that the engine takes for a name, a language, both or neither; nothing is loaded for it.

        Raises:
            BackendUnavailableError: the engine cannot run, or does not list its voices.
            UnknownVoiceError: no voice of that name.
            UnsupportedLanguageError: no voice of that language, or not the one named.
        """
        found = await self.engine.find_voice(voice, language)
        known = self.engine.capabilities_for(self.model).languages
        if language and not found.language and known and all(nearness(k, language) is None for k in known):
            message = (
                f"engine {self.engine.name!r} does not speak {shown(language)}; {one_of(language, known)}"
            )
            raise UnsupportedLanguageError(message)
        return found

    async def voice_for(self, request: SpeechRequest, language: str | None) -> Voice:
        """As `find_voice`, for a request that asks for more than a voice.

        Raises:
            UnsupportedOptionError: the engine does not know the markup or an option.
        """
        voice = await self.find_voice(request.voice, language)
        self.require_markup(request)
        if not self.stands_in and (options := self.engine.options_model):
            checked_options(self.engine.name, options, request.options)
        return voice

    def require_markup(self, request: SpeechRequest) -> None:
        """Nothing, where the engine understands the markup of a request.

        Raises:
            UnsupportedOptionError: it does not.
        """
        if request.markup == "ssml" and not self.engine.capabilities_for(self.model).ssml:
            raise UnsupportedOptionError(
                f"engine {self.engine.name!r} does not understand SSML", param="markup"
            )


@dataclass(frozen=True, slots=True)
class Plan:
    """What is settled about a request before its text is cut and an engine is loaded."""

    request: SpeechRequest
    """With the language that the engines are asked for."""
    route: tuple[Stop, ...]
    """The engines to go through."""
    cutting: Cutting
    """How the text is cut, by the rules of the language that it is spoken in."""
    detected: str = ""
    """The language that the text is written in, if it was looked for and is plain; a BCP 47 tag."""
    notices: tuple[str, ...] = ()
    """What the user ought to know about the choice."""


@dataclass(frozen=True, slots=True)
class Speaker:
    """An engine made ready for one request: names resolved, values checked."""

    engine: Engine
    backend: TTSBackend
    model: str
    voice: Voice
    language: str
    """BCP 47 tag of what it speaks: that of the request, or of the voice's variety of it; empty: any."""
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
    language where it lacks the named one, and its own default options. An engine that `auto` moves on to
    is asked for its voice before it is loaded.

    Raises:
        BackendUnavailableError: the engine cannot be loaded.
        InvalidRequestError: no such voice, language, option or markup here.
    """
    if stop.only_at_start:
        await stop.voice_for(request, request.language)
    backend = await stop.engine.loaded(on_progress)
    capabilities = stop.engine.checked_capabilities(stop.model)
    stop.require_markup(request)
    voice = await _voice(stop, request, previous)
    speed = native_speed(capabilities, request.speed)
    return Speaker(
        engine=stop.engine,
        backend=backend,
        model=stop.model,
        voice=voice,
        language=more_exact(voice.language, request.language or ""),
        speed=speed,
        tempo=request.speed / speed,
        options=checked_options(backend.name, backend.Options, {} if stop.stands_in else request.options),
        ignored=_ignored(request, capabilities, fallback=stop.stands_in),
    )


def native_speed(capabilities: Capabilities, speed: float) -> float:
    """What an engine does itself of a wanted speed."""
    low, high = capabilities.speed_range
    return min(max(speed, low), high)


async def _voice(stop: Stop, request: SpeechRequest, previous: Speaker | None) -> Voice:
    try:
        return await stop.find_voice(request.voice, request.language)
    except (UnknownVoiceError, UnsupportedLanguageError):
        if not stop.stands_in or request.voice is None:
            raise
    return await stop.find_voice(None, request.language or (previous.language if previous else None))


def checked_options(
    engine: str, model: type[BackendOptions], given: Mapping[str, object]
) -> Mapping[str, object]:
    """The options of a request by the model of an engine, defaults included.

    Raises:
        UnsupportedOptionError: an option is unknown or has a wrong value.
    """
    try:
        options = model.model_validate(dict(given)).model_dump()
    except ValidationError as exc:
        error = exc.errors()[0]
        name = ".".join(str(part) for part in error["loc"])
        if error["type"] == "extra_forbidden":
            message = f"engine {engine!r} has no option {shown(name)}; {one_of(name, model.model_fields)}"
        else:
            message = f"option {shown(name)} of engine {engine!r} is {shown(error['input'])}: "
            message += error["msg"].lower()
        raise UnsupportedOptionError(message, param=f"options.{name}") from exc
    for name, value in given.items():  # pydantic takes true for 1
        taken = options.get(name)
        if isinstance(value, bool) and isinstance(taken, int | float) and not isinstance(taken, bool):
            message = f"option {shown(name)} of engine {engine!r} is a number, not {shown(value)}"
            raise UnsupportedOptionError(message, param=f"options.{name}")
    return options


def _ignored(request: SpeechRequest, capabilities: Capabilities, *, fallback: bool) -> tuple[str, ...]:
    unused = {
        "seed": request.seed is not None and not capabilities.seed,
        "instructions": bool(request.instructions) and not capabilities.instructions,
        "options": fallback and bool(request.options),
    }
    return tuple(name for name, is_unused in unused.items() if is_unused)
