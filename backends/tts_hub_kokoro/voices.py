"""The voices of a voices file by every name: ids, mixes and OpenAI's names.

The file is an archive of numpy arrays (`numpy.savez`), name -> float32 [510, 1, 256]: one style vector for
each number of phonemes. Names begin with the letter of the language and `f` or `m`.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tts_hub.backend import fitting, may_speak, pick_voice, preferred_voice
from tts_hub.errors import UnknownVoiceError, UnsupportedLanguageError, one_of, shown
from tts_hub.types import Gender, Samples, Voice
from tts_hub_kokoro.dimensions import MOST_PHONEMES, STYLE_SIZE
from tts_hub_kokoro.files import unusable
from tts_hub_kokoro.languages import LANGUAGES, language_of
from tts_hub_kokoro.variants import PULL_COMMAND

DEFAULT_VOICE = "af_heart"
MOST_MIXED = 16
"""Voices in one mix."""
GENDERS: Mapping[str, Gender] = {"f": "female", "m": "male"}
OPENAI_VOICES: Mapping[str, str] = {
    "alloy": "af_alloy",
    "ash": "am_michael",
    "ballad": "bm_george",
    "coral": "af_aoede",
    "echo": "am_echo",
    "fable": "bm_fable",
    "onyx": "am_onyx",
    "nova": "af_nova",
    "sage": "af_sarah",
    "shimmer": "af_bella",
    "verse": "am_puck",
    "marin": "af_kore",
    "cedar": "am_fenrir",
}
"""OpenAI's name -> voice; in another language, the first voice of the same gender."""
_NAMED = re.compile(rf"(?P<language>[{''.join(LANGUAGES)}])(?P<gender>[fm])_(?P<name>.+)")
_PART = re.compile(r"(?P<sign>[+-])(?P<name>[^+\-()]+)(?:\((?P<weight>\d+(?:\.\d*)?|\.\d+)\))?")


@dataclass(frozen=True, slots=True)
class Ingredient:
    """One voice of a mix."""

    name: str
    weight: float
    """Share in the mix; negative for a voice that is subtracted. The weights of a mix sum up to 1."""


class VoiceCatalogue:
    """The voices of a file by every name that a request may use."""

    def __init__(self, names: Sequence[str]) -> None:
        """`names` are those in the file."""
        listed = sorted(names, key=lambda name: (name != DEFAULT_VOICE, _order(name), name))
        self.voices = tuple(_voice(name) for name in listed)
        """The default voice first, then by language."""

    def find(self, voice: str | None, language: str | None, preferred: str | None = None) -> Voice:
        """The voice for a name or mix, a language, both or neither; without a name, `preferred`.

        Raises:
            UnknownVoiceError: no such voice, or a mix that cannot be made.
            UnsupportedLanguageError: no voice of the language, or not the one named.
        """
        if language and language_of(language) is None:
            known = one_of(language, [known.tag for known in LANGUAGES.values()])
            raise UnsupportedLanguageError(f"Kokoro does not speak {shown(language)}; {known}")
        if voice is not None:
            return self._named(voice, language)
        if preferred is not None:
            return preferred_voice(self.voices, self._named(preferred, None), language)
        return pick_voice(self.voices, None, language)

    def _named(self, voice: str, language: str | None) -> Voice:
        name = voice.replace(" ", "")
        if target := OPENAI_VOICES.get(name.casefold()):
            return self._standing_for(target, language)
        known = {own.id.casefold() for own in self.voices}
        if name.casefold() in known or not re.search(r"[+\-()]", name):
            return pick_voice(self.voices, name, language)
        return self._mix(name, language)

    def _standing_for(self, target: str, language: str | None) -> Voice:
        """The voice for one of OpenAI's names, or a similar voice that speaks the language."""
        wanted = next((v for v in self.voices if v.id == target), self.voices[0])
        fit = fitting(self.voices, language or "")
        if wanted in fit:
            return wanted
        same_gender = [voice for voice in fit if voice.gender == wanted.gender]
        return same_gender[0] if same_gender else pick_voice(self.voices, None, language)

    def _mix(self, text: str, language: str | None) -> Voice:
        parts = [(pick_voice(self.voices, part.name, None), part.weight) for part in ingredients(text)]
        voices = [voice for voice, _ in parts]
        fit = [voice for voice in voices if may_speak(voice, language or "", self.voices)]
        if not fit:
            raise UnsupportedLanguageError(f"no voice of {shown(text)} speaks {shown(language)}")
        genders = {voice.gender for voice in voices}
        return Voice(
            id="".join(f"{'+' if w >= 0 else '-'}{v.id}({abs(w):.6g})" for v, w in parts).removeprefix("+"),
            name=" and ".join(voice.name for voice in voices),
            language=fit[0].language,
            gender=genders.pop() if len(genders) == 1 else "neutral",
            description="a mix",
        )


class Styles:
    """The style vectors of the voices, read when they are first needed."""

    def __init__(self, file: Path, names: Sequence[str]) -> None:
        self._file = file
        self._names = {name.casefold(): name for name in names}
        self._read: dict[str, Samples] = {}

    def of(self, voice_id: str, phonemes: int) -> Samples:
        """The style (1, 256) of a voice or mix for a number of phonemes. Blocking, from any thread.

        Raises:
            UnknownVoiceError: no such voice.
            BackendUnavailableError: the file cannot be read.
        """
        style = np.zeros((1, STYLE_SIZE), np.float32)
        alone = voice_id.casefold() in self._names
        for part in [Ingredient(voice_id, 1.0)] if alone else ingredients(voice_id):
            pack = self._pack(part.name)
            style += np.float32(part.weight) * pack[min(max(phonemes, 1), len(pack)) - 1]
        return style

    def _pack(self, name: str) -> Samples:
        """The styles (510, 1, 256) of one voice."""
        known = self._names.get(name.casefold())
        if known is None:
            raise UnknownVoiceError(
                f"unknown voice {shown(name)}; {one_of(name, list(self._names.values()))}"
            )
        if known not in self._read:
            self._read[known] = _read(self._file, known)
        return self._read[known]


def voice_names(file: Path) -> list[str]:
    """The names in a voices file, without reading the voices.

    Raises:
        BackendUnavailableError: the file is not a voices file, or has no voices.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            names = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
    except (OSError, zipfile.BadZipFile) as exc:
        raise unusable(f"{file} is not a voices file: {exc}", PULL_COMMAND) from exc
    if not names:
        raise unusable(f"{file} has no voices", PULL_COMMAND)
    return names


def ingredients(text: str) -> list[Ingredient]:
    """The voices in a mix such as `af_bella(2)+af_sky(1)` or `af_bella-am_adam(0.3)`, or in a plain name.

    A missing weight is 1. Weights are scaled to sum up to 1, so that the mix is a voice again.

    Raises:
        UnknownVoiceError: the mix cannot be read, has too many voices, or its weights sum up to 0.
    """
    signed = text if text.startswith(("+", "-")) else f"+{text}"
    parts = list(_PART.finditer(signed))
    if "".join(part.group() for part in parts) != signed or len(parts) > MOST_MIXED:
        raise UnknownVoiceError(
            f"cannot read the voice mix {shown(text)}; write for instance af_bella(2)+af_sky(1), "
            f"with at most {MOST_MIXED} voices"
        )
    weights = [float(part["weight"] or 1) * (-1 if part["sign"] == "-" else 1) for part in parts]
    total = sum(weights)
    if total <= 1e-3 * max(map(abs, weights)):
        raise UnknownVoiceError(f"the weights of the voice mix {shown(text)} must sum up to more than 0")
    return [Ingredient(p["name"], w / total) for p, w in zip(parts, weights, strict=True)]


def _read(file: Path, name: str) -> Samples:
    try:
        with np.load(file, allow_pickle=False) as archive:
            pack = np.asarray(archive[name], np.float32)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as exc:
        raise unusable(f"voice {name!r} of {file} cannot be read: {exc}", PULL_COMMAND) from exc
    if pack.ndim != 3 or pack.shape[0] == 0 or pack.shape[1:] != (1, STYLE_SIZE):
        message = (
            f"voice {name!r} of {file} has the shape {pack.shape}, not ({MOST_PHONEMES}, 1, {STYLE_SIZE})"
        )
        raise unusable(message, PULL_COMMAND)
    return pack


def _voice(name: str) -> Voice:
    named = _NAMED.fullmatch(name)
    return Voice(
        id=name,
        name=(named["name"] if named else name).replace("_", " ").title(),
        language=LANGUAGES[named["language"]].tag if named else "",
        gender=GENDERS[named["gender"]] if named else None,
        aliases=tuple(alias for alias, target in OPENAI_VOICES.items() if target == name),
    )


def _order(name: str) -> int:
    return [*LANGUAGES, name[:1]].index(name[:1])
