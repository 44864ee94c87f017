"""Requests of Kokoro-FastAPI's clients, translated for every engine."""

from __future__ import annotations

import re
from dataclasses import replace

from tts_hub.errors import UnknownModelError
from tts_hub.server.hub import Hub
from tts_hub.server.wire import KokoroCaptionedBody
from tts_hub.types import AUTO, SpeechRequest

MODEL = "kokoro"
LANGUAGES = {
    "a": "en-US",
    "b": "en-GB",
    "e": "es",
    "f": "fr",
    "h": "hi",
    "i": "it",
    "j": "ja",
    "p": "pt-BR",
    "z": "zh",
}
"""Kokoro's letter for a language -> tag. Each of its voices begins with such a letter."""
VOICE = re.compile(r"([abefhijpz])[fm]_\w+", re.ASCII | re.IGNORECASE)


def as_kokoro_would(wanted: SpeechRequest, body: KokoroCaptionedBody, hub: Hub) -> SpeechRequest:
    """The request with tags in place of Kokoro's letters; without Kokoro, with voices of the best engine."""
    language = body.lang_code or wanted.language
    wanted = replace(wanted, language=LANGUAGES.get((language or "").lower(), language))
    if _has_kokoro(hub):
        return wanted
    voice = VOICE.match(wanted.voice or "")
    if voice is not None:
        wanted = replace(wanted, voice=None, language=wanted.language or LANGUAGES[voice[1].lower()])
    return replace(wanted, model=AUTO) if (wanted.model or "").lower() == MODEL else wanted


def _has_kokoro(hub: Hub) -> bool:
    try:
        return hub.manager.registry.find(MODEL).availability().ready
    except UnknownModelError:
        return False
