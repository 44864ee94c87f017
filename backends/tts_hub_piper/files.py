"""The files of the voices on this machine.

Official voices lie in the user's data folder and are checked against the published digests. The folder in
`voices_folder` may contain any voice under any name; its voices come first.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import platformdirs

from tts_hub.download.folders import Place, missing_of
from tts_hub.types import Availability, ModelFiles
from tts_hub_piper.official import CARD, MODEL, OfficialVoice, official_voices, pull_command
from tts_hub_piper.settings import PiperSettings


@dataclass(frozen=True, slots=True)
class LocalVoice:
    """The files of a voice that is here."""

    name: str
    graph: Path
    config: Path
    places: tuple[Place, ...] = ()
    """Published files, to be checked before they are loaded; none in a user's folder."""
    remedy: str = ""
    """What a user does if a file is unusable."""


def models_folder() -> Path:
    """The folder of the official voices, which need not exist yet."""
    return platformdirs.user_data_path("tts-hub") / "models" / "piper"


def places_of(voice: OfficialVoice) -> list[Place]:
    """The places of the files of an official voice, the small ones first."""
    folder = models_folder()
    names = {CARD: f"{voice.name}.{CARD}"}
    paths = [folder / names.get(file.name, file.name) for file in voice.files]
    return [Place(file, path, path, own=False) for file, path in zip(voice.files, paths, strict=True)]


def address_of(voice: OfficialVoice, settings: PiperSettings) -> str:
    """The web address of the folder with the files of an official voice."""
    return f"{settings.release.rstrip('/')}/{quote(voice.folder)}"


def model_files(settings: PiperSettings) -> list[ModelFiles]:
    """The files of every official voice: the configured voice first, then those that are here."""
    present = _present()
    states = [_files_of(voice, settings, present) for voice in official_voices().values()]
    chosen = (settings.voice or "").partition("+")[0]
    return sorted(states, key=lambda files: (files.variant != chosen, bool(files.missing)))


def local_voices(settings: PiperSettings) -> Mapping[str, LocalVoice]:
    """Name -> voice, for all that are here."""
    found = {voice.name: voice for voice in _own_voices(settings)}
    present = _present()
    for official in official_voices().values():
        if official.name in found or official.graph.name not in present:
            continue
        places = places_of(official)
        if not missing_of(places):
            _, config, graph = places
            remedy = pull_command(official.name)
            found[official.name] = LocalVoice(official.name, graph.path, config.path, (config, graph), remedy)
    return found


def files_availability(settings: PiperSettings) -> Availability:
    """Whether a voice is here, and the command that fetches one."""
    if local_voices(settings):
        return Availability(ready=True)
    places = [folder for folder in (settings.voices_folder, models_folder()) if folder is not None]
    reason = f"there is no voice in {' or '.join(map(str, places))}"
    return Availability(False, reason, pull_command())


def _present() -> frozenset[str]:
    """The names of all files in the folder of the official voices, so that not each of them is looked for."""
    try:
        return frozenset(os.listdir(models_folder()))
    except OSError:
        return frozenset()


def _files_of(voice: OfficialVoice, settings: PiperSettings, present: frozenset[str]) -> ModelFiles:
    if present.isdisjoint({voice.graph.name, voice.config.name, f"{voice.name}.{CARD}"}):
        missing = tuple(file.name for file in voice.files)
    else:
        missing = missing_of(places_of(voice))
    return ModelFiles(
        model=MODEL,
        variant=voice.name,
        source=address_of(voice, settings),
        folder=str(models_folder()),
        size=sum(file.size for file in voice.files),
        missing=missing,
    )


def _own_voices(settings: PiperSettings) -> Iterator[LocalVoice]:
    if settings.voices_folder is None:
        return
    for graph in sorted(settings.voices_folder.expanduser().glob("*.onnx")):
        config = graph.with_name(f"{graph.name}.json")
        remedy = f"replace {graph.name} and {config.name} in {graph.parent}"
        if config.is_file():
            yield LocalVoice(graph.stem, graph, config, remedy=remedy)
