"""What is known of OpenAI's own service: models, voices, limits, prices, and when it ends.

Sources: the API's OpenAPI document of 2026-08-21 and developers.openai.com, read on 2026-11-20.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from tts_hub.cost.pricing import Price

HOST = "api.openai.com"
USUAL_MODEL = "gpt-4o-mini-tts"
MODELS = ("gpt-4o-mini-tts", "gpt-4o-mini-tts-2025-12-15", "tts-1", "tts-1-hd")
VOICES = (
    *("alloy", "ash", "ballad", "coral", "echo", "fable", "onyx"),
    *("nova", "sage", "shimmer", "verse", "marin", "cedar"),
)
NOT_OF_TTS_1 = frozenset({"ballad", "verse", "marin", "cedar"})
"""Voices that `tts-1` and `tts-1-hd` refuse."""
MOST_CHARACTERS = 4096
MOST_CHARACTERS_BY_TOKENS = 2000
"""Of a model that takes 2000 tokens: no text has more tokens than characters, but for rare scripts."""
SPEEDS = (0.25, 4.0)
CONCURRENCY = 16
"""The lowest paid tier allows 500 requests a minute."""
SHUTDOWN = dt.date(2027, 1, 6)
"""Announced for all of `MODELS`; `GET /v1/models` may say otherwise."""
REPLACEMENT = "another engine: none of OpenAI's stays behind /v1/audio/speech"

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


def is_by_tokens(model: str) -> bool:
    """Of the family that is told how to speak, counts tokens, and streams events."""
    return model.startswith("gpt-")
