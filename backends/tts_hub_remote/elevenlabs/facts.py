"""Built-in facts about ElevenLabs: models, limits, languages, prices, a few voices.

Sources: elevenlabs.io/docs (models, error messages, websockets; 2025-08), the Python SDK 2.78.0, the help
centre on credits. The answer of `GET /v1/models` overrides them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from tts_hub.cost.pricing import Price
from tts_hub.types import Voice

URL = "https://api.elevenlabs.io"
KEY_VARIABLE = "ELEVENLABS_API_KEY"
USUAL_MODEL = "eleven_multilingual_v2"
MODEL_PREFIX = "eleven_"
SPEEDS = (0.7, 1.2)
MOST_SEED = 2**32 - 1
MOST_PREVIOUS_IDS = 3
MOST_PAGE = 100
"""Voices on one page of the list."""
SOCKET_IDLE_SECONDS = 180
"""The longest `inactivity_timeout` of a websocket."""
WITHOUT_STITCHING = ("eleven_v3", "eleven_v4")
"""Beginnings of the names of models without websocket and without fields for the speech before. The one of v4
is reported, not documented."""
WITHOUT_LANGUAGE_CODE = frozenset(
    {"eleven_multilingual_v2", "eleven_multilingual_v1", "eleven_monolingual_v1", "eleven_flash_v2"}
    | {"eleven_turbo_v2"}
)
"""Models that detect the language in the text, or speak only one."""
_V2 = (
    *("en", "ja", "zh", "de", "hi", "fr", "ko", "pt", "it", "es", "id", "nl", "tr", "fil", "pl"),
    *("sv", "bg", "ro", "ar", "cs", "el", "fi", "hr", "ms", "sk", "da", "ta", "uk", "ru"),
)
_V2_5 = (*_V2, "hu", "no", "vi")


@dataclass(frozen=True, slots=True)
class Model:
    """The facts about a model."""

    id: str
    max_chars: int = 10_000
    """Characters in one request."""
    languages: tuple[str, ...] = ()
    """ISO 639 codes; empty if they are not known."""
    credits_per_character: float = 1.0
    concurrency: int = 2
    """Requests at once on the smallest plan."""
    can_use_style: bool = True
    can_use_speaker_boost: bool = True

    @property
    def stitches(self) -> bool:
        """Whether it takes the speech before a segment, so that the tone continues."""
        return not self.id.startswith(WITHOUT_STITCHING)

    @property
    def has_socket(self) -> bool:
        """Whether it has the websocket `stream-input`."""
        return not self.id.startswith(WITHOUT_STITCHING)

    @property
    def takes_language(self) -> bool:
        """Whether it takes the field `language_code`."""
        return self.id not in WITHOUT_LANGUAGE_CODE


_KNOWN = (
    Model("eleven_multilingual_v2", languages=_V2),
    Model("eleven_flash_v2_5", 40_000, _V2_5, 0.5, 4),
    Model("eleven_turbo_v2_5", 40_000, _V2_5, 0.5, 4),
    Model("eleven_flash_v2", 30_000, ("en",), 0.5, 4),
    Model("eleven_turbo_v2", 30_000, ("en",), 0.5, 4),
    Model("eleven_v3", 3_000),
    Model("eleven_v4"),
    Model("eleven_v4_turbo", credits_per_character=0.5),
)
MODELS: Mapping[str, Model] = {model.id: model for model in _KNOWN}

_READ = dt.date(2026, 11, 20)
_LISTED = "list prices of mid-2026 (API): $0.10 for 1,000 characters of v2 and v3, half for flash and turbo"
_REPORTED = "reported by resellers, 2026: $0.08 for 1,000 characters of v4"
CREDITS = Price(per_million_credits=100.0, source=_LISTED, checked=_READ)
"""The price of a credit, which is the same for all uses."""
_CREDITS_V4 = CREDITS.model_copy(update={"per_million_credits": 80.0, "source": _REPORTED})
PRICES: Mapping[str, Price] = {
    model.id: (_CREDITS_V4 if model.id.startswith("eleven_v4") else CREDITS).model_copy(
        update={"credits_per_character": model.credits_per_character}
    )
    for model in _KNOWN
}

VOICES = (
    Voice("JBFqnCBsd6RMkjVDRZzb", "George", "", "male", "British, warm", ("George",)),
    Voice("EXAVITQu4vr4xnSDxMaL", "Sarah", "", "female", "American, soft", ("Sarah",)),
)
"""Voices that every account has, for keys that may not list voices."""
