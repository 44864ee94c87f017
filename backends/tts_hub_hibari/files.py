"""The files of the voices: where each of them is, and what is missing.

The package hibari-tts has the voice `heart` and a registry of all voices with sizes and checksums. The other
voices are downloaded into the user's data folder.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import platformdirs

from tts_hub.download.folders import Place, PublishedFile
from tts_hub.errors import BackendUnavailableError, update_command
from tts_hub.types import Availability, Gender, ModelFiles
from tts_hub_hibari.dimensions import MODEL
from tts_hub_hibari.settings import HibariSettings

PACKAGES = ("hibari", "onnxruntime")
REMEDY = "pip install 'hibari-tts>=0.2.1,<0.3' onnxruntime"
REINSTALL = "pip install --force-reinstall 'hibari-tts>=0.2.1,<0.3'"
REGISTRY = "voices.json"
IN_THE_PACKAGE = "the package hibari-tts"
"""Source of the voice that need not be downloaded."""


@dataclass(frozen=True, slots=True)
class PublishedVoice:
    """A voice of hibari's registry, and the place of its file."""

    name: str
    language: str
    """BCP 47 tag."""
    gender: Gender
    accent: str
    kokoro: str
    """The voice of Kokoro from which it has learnt."""
    british: bool
    """Its phonemes are British ones."""
    bundled: bool
    """Its file is in the package."""
    place: Place

    @property
    def remedy(self) -> str:
        """The command that brings its file, or brings it anew."""
        return REINSTALL if self.bundled else pull_command(self.name)


def published_voices() -> Mapping[str, PublishedVoice]:
    """The voices of the registry by name, the bundled one first; none where the package is not installed.

    Raises:
        BackendUnavailableError: the registry is damaged, or a later version writes it in another way.
    """
    assets = _assets()
    return _registry(assets, platformdirs.user_data_path("tts-hub") / "models" / "hibari") if assets else {}


def installed_voices() -> list[PublishedVoice]:
    """The voices whose files are there and have the right size."""
    return [voice for voice in published_voices().values() if voice.place.is_filled()]


def voices_availability() -> Availability:
    """Whether the packages and a voice are here."""
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        return Availability(False, f"packages that are not installed: {', '.join(missing)}", REMEDY)
    try:
        installed = installed_voices()
    except BackendUnavailableError as exc:
        return Availability(False, str(exc), exc.remedy)
    if not installed:
        return Availability(False, "the file of its voice is damaged: it has the wrong size", REINSTALL)
    return Availability(ready=True)


def model_files(settings: HibariSettings) -> list[ModelFiles]:
    """The file of each voice, the bundled one first. Quick, without network."""
    try:
        voices = published_voices()
    except BackendUnavailableError:
        return []
    return [
        ModelFiles(
            model=MODEL,
            source=IN_THE_PACKAGE if voice.bundled else settings.release,
            folder=str(voice.place.path.parent),
            size=voice.place.file.size,
            missing=() if voice.place.is_filled() else (voice.place.file.name,),
            variant=voice.name,
        )
        for voice in voices.values()
    ]


def check(voice: PublishedVoice) -> None:
    """Hold the file of a voice to its checksum. Blocking, some 10 ms.

    Raises:
        BackendUnavailableError: the file is missing, cut off or damaged.
    """
    if not voice.place.path.exists():
        raise unusable(f"voice {voice.name!r} is not installed", voice.remedy)
    if not voice.place.is_sound():
        raise unusable(f"{voice.place.path} is damaged: its checksum is wrong", voice.remedy)


def pull_command(voice: str) -> str:
    """The command that downloads a voice."""
    return f"tts-hub models pull {MODEL} --variant {voice}"


def unusable(message: str, remedy: str) -> BackendUnavailableError:
    """The error of a model that cannot be loaded."""
    return BackendUnavailableError(f"hibari: {message}", backend=MODEL, remedy=remedy)


def _assets() -> Path | None:
    """The folder with the files in the package, which is not imported for it."""
    found = importlib.util.find_spec("hibari")
    places = found.submodule_search_locations if found is not None else None
    return Path(next(iter(places))) / "assets" if places else None


@lru_cache(maxsize=8)
def _registry(assets: Path, folder: Path) -> Mapping[str, PublishedVoice]:
    try:
        registry = cast("Mapping[str, Any]", json.loads((assets / REGISTRY).read_text(encoding="utf-8")))
        voices = [_voice(name, entry, assets, folder) for name, entry in registry.items()]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
        raise unusable(f"{assets / REGISTRY} cannot be read: {exc!r}", update_command()) from exc
    return {voice.name: voice for voice in sorted(voices, key=lambda voice: not voice.bundled)}


def _voice(name: str, entry: Mapping[str, Any], assets: Path, folder: Path) -> PublishedVoice:
    bundled = bool(entry.get("bundled"))
    file = PublishedFile(Path(entry["file"]).name, int(entry["bytes"]), str(entry["sha256"]))
    path = (assets if bundled else folder) / file.name
    return PublishedVoice(
        name=name,
        language=str(entry["language"]),
        gender="male" if entry["gender"] == "male" else "female",
        accent=str(entry["accent"]),
        kokoro=str(entry["kokoro"]),
        british=bool(entry["british"]),
        bundled=bundled,
        place=Place(file, path, path, own=False),
    )
