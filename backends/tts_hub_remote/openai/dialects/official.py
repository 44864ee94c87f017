"""OpenAI itself: facts about its models, voices, limits, prices and announced shutdowns.

Sources: the API's OpenAPI document of 2026-08-21 and developers.openai.com, read on 2026-11-20.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from tts_hub.cost.pricing import Price
from tts_hub.errors import UnknownVoiceError, one_of, shown
from tts_hub_remote.openai.dialects.dialect import MOST_CHARACTERS, Dialect
from tts_hub_remote.openai.models import ModelList
from tts_hub_remote.openai.settings import DialectName

HOST = "api.openai.com"
MODELS = ("gpt-4o-mini-tts", "gpt-4o-mini-tts-2025-12-15", "tts-1", "tts-1-hd")
VOICES = (
    *("alloy", "ash", "ballad", "coral", "echo", "fable", "onyx"),
    *("nova", "sage", "shimmer", "verse", "marin", "cedar"),
)
NOT_OF_TTS_1 = frozenset({"ballad", "verse", "marin", "cedar"})
"""Voices that `tts-1` and `tts-1-hd` refuse."""
CUSTOM_VOICE = "voice_"
"""Beginning of the ids of custom voices."""
MOST_CHARACTERS_BY_TOKENS = 2000
"""Limit of a model that takes 2000 tokens: only texts in rare scripts have more tokens than characters."""
SHUTDOWN = dt.date(2027, 1, 6)
"""Day of the shutdown that is announced for all of `MODELS`; `GET /v1/models` may give another one."""
REPLACEMENT = "another engine: none of OpenAI's stays behind /v1/audio/speech"
NOTICE_PERIOD = dt.timedelta(days=180)
"""Time before a model's shutdown in which its requests get a notice."""

_READ = dt.date(2026, 11, 20)
_BY_TOKENS = Price(
    per_million_text_tokens=0.60,
    per_million_audio_tokens=12.0,
    source="https://developers.openai.com/api/docs/models/gpt-4o-mini-tts",
    checked=_READ,
)
PRICES: Mapping[str, Price] = {
    "gpt-4o-mini-tts": _BY_TOKENS,
    "gpt-4o-mini-tts-2025-12-15": _BY_TOKENS,
    "tts-1": Price(
        per_million_characters=15.0,
        source="https://developers.openai.com/api/docs/models/tts-1",
        checked=_READ,
    ),
    "tts-1-hd": Price(
        per_million_characters=30.0,
        source="https://developers.openai.com/api/docs/models/tts-1-hd",
        checked=_READ,
    ),
}


@dataclass(frozen=True, slots=True)
class OfficialDialect(Dialect):
    """OpenAI itself."""

    name: DialectName = "openai"
    is_known: bool = True
    needs_key: bool = True
    usual_model: str = "gpt-4o-mini-tts"
    voices: tuple[str, ...] = VOICES
    has_speed: bool = True
    instructions: bool = True
    concurrency: int = 16  # the lowest paid tier allows 500 requests a minute

    def price(self, model: str) -> Price | None:
        """OpenAI's list price."""
        return PRICES.get(model)

    def max_characters(self, model: str) -> int:
        """The limit of the API, or a lower one for models with a limit in tokens."""
        return MOST_CHARACTERS_BY_TOKENS if _is_by_tokens(model) else MOST_CHARACTERS

    def takes_instructions(self, model: str) -> bool:
        """Whether the model belongs to the newer family."""
        return _is_by_tokens(model)

    def streams_events(self, model: str) -> bool:
        """Whether the model belongs to the newer family."""
        return _is_by_tokens(model)

    def shutdown_notice(self, model: str, listed: ModelList) -> str:
        """A notice with the date in the list of models, or else the date that OpenAI has announced."""
        listed_end = next((known.shutdown for known in listed.models if known.id == model), None)
        ends = listed_end or (SHUTDOWN if model in MODELS else None)
        left = None if ends is None else ends - dt.datetime.now(dt.UTC).date()
        if left is None or left > NOTICE_PERIOD:
            return ""
        when = f"in {left.days} days, on {ends}" if left.days > 0 else f"on {ends}"
        return f"OpenAI shuts {model} down {when}; plan for {REPLACEMENT}"

    def takes_unlisted_voice(self, voice: str) -> bool:
        """Whether the name is the id of a custom voice."""
        return voice.startswith(CUSTOM_VOICE)

    def check_voice(self, voice: str, model: str) -> None:
        """Check the voice: the older models lack some."""
        if model.startswith("tts-1") and voice in NOT_OF_TTS_1:
            usable = [name for name in VOICES if name not in NOT_OF_TTS_1]
            raise UnknownVoiceError(f"{model} has no voice {shown(voice)}; {one_of('', usable)}")

    def voice_field(self, voice: str) -> object:
        """The name of a voice; an object with the id for a custom voice."""
        return {"id": voice} if voice.startswith(CUSTOM_VOICE) else voice


def _is_by_tokens(model: str) -> bool:
    """Whether a model belongs to the family that follows instructions, counts tokens and streams events."""
    return model.startswith("gpt-")
