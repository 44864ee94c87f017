"""From an emotion profile to the options of one engine, by a table that the engine declares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from tts_hub.emotions.profile import EmotionSettings, Style


@dataclass(frozen=True, slots=True)
class Scale:
    """A number from 0 to 1 becomes a number of an option, by lines between points."""

    option: str
    points: tuple[tuple[float, float], ...]
    """(setting, option), with rising settings."""
    whole: bool = False
    """The option is a whole number."""

    def at(self, value: float) -> float:
        """The option at a setting."""
        settings, options = zip(*self.points, strict=True)
        found = float(np.interp(value, settings, options))
        return round(found) if self.whole else round(found, 4)


@dataclass(frozen=True, slots=True)
class Lowering:
    """What an engine makes of a profile. The hub itself does speed, pause and seed for all engines."""

    styles: Mapping[Style, Mapping[str, object]] = field(default_factory=dict)
    """Style -> options. A style that is not here counts as ignored, or becomes an instruction."""
    exaggeration: tuple[Scale, ...] = ()


NO_LOWERING = Lowering()
IN_WORDS: Mapping[Style, str] = {
    "happy": "Speak happily.",
    "excited": "Speak with excitement.",
    "calm": "Speak calmly.",
    "sad": "Speak sadly.",
    "crying": "Speak as if you were crying.",
    "angry": "Speak angrily.",
    "fearful": "Speak fearfully.",
    "surprised": "Speak with surprise.",
    "whispering": "Whisper.",
    "sarcastic": "Speak sarcastically.",
    "dramatic": "Speak dramatically.",
    "narration": "Speak like the narrator of a book.",
    "advertisement": "Speak like the voice of an advertisement.",
}
"""Styles as instructions, for engines that take them."""
RESTRAINED = 0.35
STRONG = 0.65


@dataclass(frozen=True, slots=True)
class Lowered:
    """What an engine is asked for on account of a profile."""

    options: Mapping[str, object] = field(default_factory=dict)
    instructions: str | None = None
    ignored: tuple[str, ...] = ()
    """Settings of the profile that the engine has nothing for."""


def lower(
    settings: EmotionSettings, table: Lowering, *, names: Sequence[str], takes_instructions: bool
) -> Lowered:
    """Translate a profile for one engine.

    Args:
        settings: those of the profile.
        table: the engine's own.
        names: the names under which the profile may hold options for the engine.
        takes_instructions: the model takes instructions in plain language.
    """
    options: dict[str, object] = {}
    said: list[str] = []
    ignored: list[str] = []
    if settings.style is not None:
        options |= table.styles.get(settings.style, {})
        if settings.style not in table.styles:
            said.append(IN_WORDS[settings.style])
            ignored.append("style")
    if settings.exaggeration is not None:
        options |= {scale.option: scale.at(settings.exaggeration) for scale in table.exaggeration}
        if not table.exaggeration:
            said.append(_strength(settings.exaggeration))
            ignored.append("exaggeration")
    if settings.instructions:
        said.append(settings.instructions)
        ignored.append("instructions")
    if takes_instructions:
        ignored = []
    return Lowered(
        options={**options, **settings.options_for(*names)},
        instructions=" ".join(filter(None, said)) or None if takes_instructions else None,
        ignored=tuple(ignored),
    )


def _strength(exaggeration: float) -> str:
    """The strength of the expression as an instruction; empty for the usual one."""
    if exaggeration < RESTRAINED:
        return "Hold back the emotion."
    return "Show strong emotion." if exaggeration > STRONG else ""
