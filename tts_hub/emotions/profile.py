"""An emotion profile: settings for the way of speaking that any engine may be asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from tts_hub.types import Instructions, Seed, Speed

Style = Literal[
    "happy", "excited", "calm", "sad", "crying", "angry", "fearful", "surprised", "whispering", "sarcastic",
    "dramatic", "narration", "advertisement",
]  # fmt: skip
STYLES: tuple[Style, ...] = get_args(Style)
MOST_OPTIONS = 64
"""Engines with options of their own in a profile, and options of one engine."""

EngineOptions = Annotated[dict[str, Any], Field(max_length=MOST_OPTIONS)]


class EmotionSettings(BaseModel):
    """How to speak. What is None is left to the engine."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    style: Style | None = Field(None, description="the way of speaking, in one word")
    exaggeration: float | None = Field(
        None, ge=0, le=1, description="strength of the expression: 0 even, 0.5 as usual, 1 strong"
    )
    instructions: Instructions | None = Field(
        None, description="how to speak, for engines that take instructions"
    )
    speed: Speed | None = Field(None, description="speed, by which that of the request is multiplied")
    pause: float | None = Field(None, ge=0, le=10, description="seconds between sentences")
    seed: Seed | None = Field(None, description="seed of requests that name none")
    options: dict[str, EngineOptions] = Field(
        default_factory=dict,
        max_length=MOST_OPTIONS,
        description="engine or model -> options of that engine, which count more than the settings above",
    )

    def options_for(self, *names: str) -> Mapping[str, object]:
        """The options for an engine under any of its names; later names count more."""
        found: dict[str, object] = {}
        for name in names:
            found |= self.options.get(name, {})
        return found


AS_USUAL = EmotionSettings()
"""No setting at all."""
