"""The description of a voice, `NAME.onnx.json`, as Piper's training writes it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tts_hub.errors import BackendUnavailableError
from tts_hub_piper.official import MODEL

PAD, START, END = "_", "^", "$"
"""Symbols of every voice: between all others, before the first, and behind the last."""
_NAMED = re.compile(r"(?P<language>[a-z]{2,3})_(?P<region>[A-Z]{2})-(?P<name>[^-]+)(?:-(?P<quality>.+))?")


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Audio(_Part):
    """The audio of a voice."""

    sample_rate: int = Field(ge=8_000, le=192_000)


class Espeak(_Part):
    """espeak-ng's part in a voice."""

    voice: str = ""


class Inference(_Part):
    """The usual numbers for the graph's input `scales`."""

    noise_scale: float = Field(0.667, ge=0)
    length_scale: float = Field(1.0, gt=0)
    noise_w: float = Field(0.8, ge=0)


class Language(_Part):
    """The language of a voice."""

    code: str = ""
    """Such as `en_US`."""


class VoiceConfig(_Part):
    """What the file says about a voice."""

    audio: Audio
    espeak: Espeak = Espeak()
    inference: Inference = Inference()
    language: Language = Language()
    phoneme_type: Literal["espeak", "text"] = "espeak"
    """Where the symbols come from: espeak-ng's phonemes, or the letters of the text."""
    phoneme_id_map: Mapping[str, tuple[int, ...]]
    """Symbol -> ids."""
    num_speakers: int = Field(1, ge=1)
    speaker_id_map: Mapping[str, int] = {}
    """Name -> number of a speaker."""
    default_speaker_id: int = Field(0, ge=0)
    vowel_clusters: tuple[tuple[str, ...], ...] = ()
    """Symbols that count as one, such as `a` and `ɪ` as `aɪ`."""

    @property
    def speakers(self) -> Mapping[str, int]:
        """Name -> number of each speaker; empty where there is one."""
        if self.num_speakers == 1:
            return {}
        return self.speaker_id_map or {str(n): n for n in range(self.num_speakers)}

    @property
    def pad(self) -> tuple[int, ...]:
        """The ids between two symbols."""
        return self.phoneme_id_map.get(PAD, ())


def read_config(file: Path) -> VoiceConfig:
    """Read the description of a voice. Blocking.

    Raises:
        BackendUnavailableError: it cannot be read, or the voice needs a reader that is not here.
    """
    try:
        return VoiceConfig.model_validate_json(file.read_bytes())
    except (OSError, ValidationError) as exc:
        reason = str(exc)
        if isinstance(exc, ValidationError):
            first = exc.errors()[0]
            place = ".".join(map(str, first["loc"]))
            reason = f"{place}: {first['msg']}" if place else first["msg"]
        raise unusable(f"{file} does not describe a voice that can be spoken here: {reason}") from exc


def language_of(name: str, config: VoiceConfig) -> str:
    """The BCP 47 tag of a voice: by its file's name, else by what the file says."""
    if named := _NAMED.fullmatch(name):
        return f"{named['language']}-{named['region']}"
    code = (config.language.code or config.espeak.voice).replace("_", "-")
    language, _, region = code.partition("-")
    return f"{language}-{region.upper()}" if re.fullmatch("[A-Za-z]{2}", region) else language


def title_of(name: str) -> str:
    """A voice's name for people: `Joe (medium)` for `en_US-joe-medium`."""
    named = _NAMED.fullmatch(name)
    if not named:
        return name
    title = named["name"].replace("_", " ").title()
    return f"{title} ({named['quality'].replace('_', ' ')})" if named["quality"] else title


def unusable(message: str, remedy: str = "") -> BackendUnavailableError:
    """The error of a voice that cannot be loaded."""
    return BackendUnavailableError(f"Piper: {message}", backend=MODEL, remedy=remedy)
