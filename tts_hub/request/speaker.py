"""What a request becomes for one engine: the engine loaded, names resolved, values checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tts_hub.backend import TTSBackend
from tts_hub.engines.engine import Engine
from tts_hub.errors import UnknownVoiceError, UnsupportedLanguageError
from tts_hub.progress import ProgressCallback
from tts_hub.request.options import checked_options
from tts_hub.request.route import Candidate
from tts_hub.text.languages import more_exact
from tts_hub.types import Capabilities, SpeechRequest, Voice


@dataclass(frozen=True, slots=True)
class Speaker:
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
    options: Mapping[str, object]
    """Validated values of the engine's options, defaults included."""
    ignored: tuple[str, ...]
    """Fields of the request that the engine has no use for."""


async def prepare_speaker(
    candidate: Candidate, request: SpeechRequest, on_progress: ProgressCallback, previous: Speaker | None
) -> Speaker:
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
    options = {} if candidate.is_fallback else request.options
    return Speaker(
        engine=candidate.engine,
        backend=backend,
        model=candidate.model,
        voice=voice,
        language=more_exact(voice.language, request.language or ""),
        speed=speed,
        tempo=request.speed / speed,
        options=checked_options(backend.name, backend.Options, options),
        ignored=_ignored(request, capabilities, fallback=candidate.is_fallback),
    )


def native_speed(capabilities: Capabilities, speed: float) -> float:
    """The part of a requested speed that an engine does itself."""
    low, high = capabilities.speed_range
    return min(max(speed, low), high)


async def _voice(candidate: Candidate, request: SpeechRequest, previous: Speaker | None) -> Voice:
    try:
        return await candidate.find_voice(request.voice, request.language)
    except (UnknownVoiceError, UnsupportedLanguageError):
        if not candidate.is_fallback or request.voice is None:
            raise
    return await candidate.find_voice(None, request.language or (previous.language if previous else None))


def _ignored(request: SpeechRequest, capabilities: Capabilities, *, fallback: bool) -> tuple[str, ...]:
    unused = {
        "seed": request.seed is not None and not capabilities.seed,
        "instructions": bool(request.instructions) and not capabilities.instructions,
        "options": fallback and bool(request.options),
    }
    return tuple(name for name, is_unused in unused.items() if is_unused)
