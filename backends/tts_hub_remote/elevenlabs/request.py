"""A speech request to ElevenLabs, and the checks that can be made before it is sent."""

from __future__ import annotations

from typing import Any

from tts_hub.errors import UnsupportedLanguageError, UnsupportedOptionError, one_of, shown
from tts_hub.types import SegmentRequest
from tts_hub_remote.elevenlabs import facts
from tts_hub_remote.elevenlabs.facts import Model
from tts_hub_remote.elevenlabs.settings import ElevenLabsSettings

VOICE_OPTIONS = ("stability", "similarity_boost", "style", "use_speaker_boost")


def speech_query(settings: ElevenLabsSettings) -> dict[str, str]:
    """The query of a speech request."""
    query: dict[str, str] = {"output_format": settings.output_format}
    return query if settings.enable_logging else query | {"enable_logging": "false"}


def speech_body(request: SegmentRequest, model: Model) -> dict[str, Any]:
    """The JSON of a request, without the speech before it; unset options are left to the voice."""
    options = request.options
    voice = {name: options[name] for name in VOICE_OPTIONS if options.get(name) is not None}
    if request.speed != 1:
        voice["speed"] = request.speed
    body: dict[str, Any] = {"text": request.text, "model_id": model.id}
    if voice:
        body["voice_settings"] = voice
    if request.language and model.takes_language:
        body["language_code"] = primary_code(request.language)
    if request.seed is not None:
        body["seed"] = request.seed
    if options.get("apply_text_normalization", "auto") != "auto":
        body["apply_text_normalization"] = options["apply_text_normalization"]
    if options.get("apply_language_text_normalization"):
        body["apply_language_text_normalization"] = True
    return body


def check_request(request: SegmentRequest, model: Model, backend: str) -> None:
    """Check what the service would refuse, or ignore silently.

    Raises:
        UnsupportedLanguageError: the model does not speak the language.
        UnsupportedOptionError: the seed is too large, or the model does not know an option.
    """
    language = primary_code(request.language)
    if language and model.languages and language not in model.languages:
        message = f"{model.id} does not speak {shown(request.language)}; {one_of(language, model.languages)}"
        raise UnsupportedLanguageError(message)
    if request.seed is not None and request.seed > facts.MOST_SEED:
        message = f"{backend} takes seeds up to {facts.MOST_SEED}, not {request.seed}"
        raise UnsupportedOptionError(message, param="seed")
    able = {"style": model.can_use_style, "use_speaker_boost": model.can_use_speaker_boost}
    for option, can in able.items():
        if request.options.get(option) is not None and not can:
            raise UnsupportedOptionError(f"{model.id} has no {option}", param=f"options.{option}")


def primary_code(language: str) -> str:
    """The ISO 639 code in a BCP 47 tag."""
    return language.replace("_", "-").partition("-")[0].casefold()
