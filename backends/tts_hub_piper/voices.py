"""The voices that are here, by every name that a request may use."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from tts_hub.backend import fitting, may_speak, pick_voice, preferred_voice
from tts_hub.errors import (
    BackendUnavailableError,
    UnknownVoiceError,
    UnsupportedLanguageError,
    one_of,
    shown,
)
from tts_hub.types import Voice
from tts_hub_piper.files import LocalVoice
from tts_hub_piper.official import USUAL
from tts_hub_piper.voice_config import VoiceConfig, language_of, read_config, title_of

OPENAI_VOICES = (
    *("alloy", "ash", "ballad", "coral", "echo", "fable", "onyx", "nova", "sage", "shimmer", "verse"),
    *("marin", "cedar"),
)
"""OpenAI's names, which stand for the voices of a language in turn."""
QUALITIES = ("high", "medium", "low", "x_low")
"""Endings of the names of voices, the best first."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DescribedVoice:
    """A voice that is here, with its description."""

    files: LocalVoice
    config: VoiceConfig

    def speaker(self, voice_id: str) -> int | None:
        """The number of the speaker that the id of a voice names; None where the voice has one speaker.

        Raises:
            UnknownVoiceError: no such speaker.
        """
        speakers = self.config.speakers
        named = voice_id.partition("+")[2]
        if not named:
            return self.config.default_speaker_id if speakers else None
        known = {name.casefold(): number for name, number in speakers.items()}
        if named.casefold() in known:
            return known[named.casefold()]
        if named.isdecimal() and int(named) < self.config.num_speakers and speakers:
            return int(named)
        choices = one_of(named, list(speakers)) if speakers else "it has one speaker"
        raise UnknownVoiceError(f"voice {self.files.name!r} has no speaker {shown(named)}; {choices}")


class VoiceCatalogue:
    """The voices that are here."""

    def __init__(self, local: Mapping[str, LocalVoice]) -> None:
        """Read the descriptions of all voices. Blocking. One that cannot be used is logged and left out."""
        self.described: dict[str, DescribedVoice] = {}
        self._broken: dict[str, BackendUnavailableError] = {}
        for name in sorted(local, key=_order):
            try:
                self.described[name] = DescribedVoice(local[name], read_config(local[name].config))
            except BackendUnavailableError as exc:
                self._broken[name] = exc
                logger.warning("%s", exc)
        self.voices = _listed(self.described)
        """The usual voice first, then by language and quality."""

    def find(self, voice: str | None, language: str | None, preferred: str | None = None) -> Voice:
        """The voice for a name, a language, both or neither; without a name, `preferred`.

        Raises:
            BackendUnavailableError: the voice is here and cannot be used, or none is here.
            UnknownVoiceError: no such voice or speaker.
            UnsupportedLanguageError: no voice of the language, or not the one named.
        """
        if voice is not None:
            return self._named(voice, language)
        if preferred is not None:
            return preferred_voice(self.voices, self._named(preferred, None), language)
        return pick_voice(self.voices, None, language)

    def behind(self, voice_id: str) -> DescribedVoice:
        """The files and the description of a voice.

        Raises:
            UnknownVoiceError: no such voice.
        """
        name = voice_id.partition("+")[0]
        if name not in self.described:
            raise UnknownVoiceError(f"unknown voice {shown(name)}; {one_of(name, list(self.described))}")
        return self.described[name]

    def _named(self, name: str, language: str | None) -> Voice:
        base, plus, speaker = name.strip().partition("+")
        if base in self._broken:
            raise self._broken[base]
        known = {alias.casefold() for v in self.voices for alias in (v.id, *v.aliases)}
        if base.casefold() in OPENAI_VOICES and base.casefold() not in known:
            return self._standing_for(base, language)
        found = pick_voice(self.voices, base, language)
        if not plus:
            return found
        self.behind(found.id).speaker(name)  # raises for one that is not there
        return replace(found, id=f"{found.id}+{speaker}", name=f"{found.name}, {speaker}", variants=())

    def _standing_for(self, name: str, language: str | None) -> Voice:
        """A voice of the language for one of OpenAI's names: always the same one for the same name."""
        fit = fitting(self.voices, language or self.voices[0].language)
        if not fit:
            raise UnsupportedLanguageError(f"no voice of Piper that is here speaks {shown(language)}")
        fit = [voice for voice in fit if may_speak(voice, language or "", self.voices)] or fit
        return fit[OPENAI_VOICES.index(name.casefold()) % len(fit)]


def _listed(described: Mapping[str, DescribedVoice]) -> tuple[Voice, ...]:
    short = Counter(alias for name in described for alias in _short_names(name))
    return tuple(
        Voice(
            id=name,
            name=title_of(name),
            language=language_of(name, voice.config),
            description=f"{voice.config.audio.sample_rate} Hz",
            aliases=tuple(alias for alias in _short_names(name) if short[alias] == 1),
            variants=tuple(voice.config.speakers),
        )
        for name, voice in described.items()
    )


def _short_names(name: str) -> tuple[str, ...]:
    """The shorter names of `en_US-joe-medium`: `joe-medium` and `joe`."""
    language, dash, rest = name.partition("-")
    if not dash or "_" not in language:
        return ()
    return tuple(dict.fromkeys((rest, rest.partition("-")[0])))


def _order(name: str) -> tuple[bool, bool, str, int, str]:
    language, _, rest = name.partition("-")
    quality = rest.rpartition("-")[2]
    rank = QUALITIES.index(quality) if quality in QUALITIES else len(QUALITIES)
    return name != USUAL, language != USUAL.partition("-")[0], language, rank, name
