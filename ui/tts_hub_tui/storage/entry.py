"""One request of the past, as the history keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from tts_hub.types import SpeechRequest

Outcome = Literal["waiting", "done", "stopped", "failed"]
"""The state in which a job ended; `waiting`: it has not been spoken yet."""
REQUEST_FIELDS = ("model", "voice", "language", "speed", "response_format", "instructions", "seed")


@dataclass(frozen=True, slots=True)
class Facts:
    """The results of a request."""

    hub: str = ""
    """The name of the hub."""
    engine: str = ""
    voice: str = ""
    language: str = ""
    audio_seconds: float = 0.0
    first_audio_seconds: float | None = None
    real_time_factor: float | None = None
    cost: float = 0.0
    """US dollars."""
    error: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One request of the past."""

    id: str
    created: datetime
    text: str
    """The text; in a list of entries only its beginning."""
    characters: int
    fields: Mapping[str, Any]
    """The fields of the request besides its text."""
    outcome: Outcome
    facts: Facts = field(default_factory=Facts)
    bytes: int = 0
    """The size of its recording; 0 if there is none any more."""

    def request(self) -> SpeechRequest:
        """The request, to be spoken again."""
        return SpeechRequest(self.text, **self.fields)


def request_fields(request: SpeechRequest) -> dict[str, Any]:
    """The fields of a request that an entry keeps besides the text."""
    given = {name: getattr(request, name) for name in REQUEST_FIELDS if getattr(request, name) is not None}
    return given | ({"options": dict(request.options)} if request.options else {})
