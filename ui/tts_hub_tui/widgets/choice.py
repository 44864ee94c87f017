"""The engine, voice, format and options that a user has chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tts_hub.audio.formats import FORMATS
from tts_hub.types import AUTO

DEFAULT_VOICE = "default voice"


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen in the controls, as the history remembers it for the next start."""

    engine: str = AUTO
    model: str = ""
    """Empty: the engine's default."""
    voice: str = ""
    """Empty: the engine's default."""
    language: str = ""
    """The voice's language as a BCP 47 tag."""
    response_format: str = "mp3"
    """The format in which recordings are saved."""
    speed: str = "1"
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The options of each engine that differ from its defaults."""


def restore_choice(values: object) -> Choice:
    """The choice that was remembered, with the defaults for values that are not valid any more."""
    usual = Choice()
    if not isinstance(values, dict):
        return usual
    found = {
        name: value
        for name, value in values.items()
        if name in Choice.__slots__ and isinstance(value, type(getattr(usual, name)))
    }
    if found.get("response_format", "mp3") not in {each.name for each in FORMATS}:
        del found["response_format"]
    options = found.get("options", {})
    found["options"] = {name: each for name, each in options.items() if isinstance(each, dict)}
    return Choice(**found)
