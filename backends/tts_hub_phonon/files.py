"""The files of the checkpoints on this machine: where they are, and which of them are missing.

A pulled checkpoint has a list of its files beside them, with the digests that the repository stated. A folder
in `model_path` may contain any checkpoint that the package reads.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import platformdirs

from tts_hub.download.folders import Place, PublishedFile, missing_of
from tts_hub.errors import BackendUnavailableError
from tts_hub.types import Availability, ModelFiles
from tts_hub_phonon.checkpoints import CHECKPOINTS, MODEL, USUAL, pull_command
from tts_hub_phonon.settings import PhononSettings

LIST = "files.json"
"""Name of the list of a pulled checkpoint's files."""
CONFIG, TOKENIZER = "config.json", "tokenizer.json"
NEEDED = (TOKENIZER, "the weights")
"""What a checkpoint that was never pulled lacks, for people to read."""
WEIGHTS = ("model.q8.gguf", "model.safetensors", "tts_b6369a24.safetensors")
"""Names of the weights, the smallest one first; one of them is enough."""


@dataclass(frozen=True, slots=True)
class LocalCheckpoint:
    """A checkpoint that is here."""

    folder: Path
    languages: tuple[str, ...]
    """BCP 47 tags; empty if only its `config.json` says."""
    remedy: str
    """What a user does if it is unusable."""
    places: tuple[Place, ...] = ()
    """Published files, to be checked before they are loaded; none in a user's folder."""

    @property
    def weights(self) -> Path | None:
        """The file with the weights."""
        return next((self.folder / name for name in WEIGHTS if (self.folder / name).is_file()), None)


def folder_of(name: str) -> Path:
    """The folder of an official checkpoint, which need not exist yet."""
    return platformdirs.user_data_path("tts-hub") / "models" / "phonon" / name


def place_of(file: PublishedFile, folder: Path) -> Place:
    """The place of a file of a checkpoint."""
    path = folder / file.name
    return Place(file, path, path, own=False)


def places_of(name: str) -> list[Place] | None:
    """The places of the files of a checkpoint; None: it was never pulled, or its list cannot be read."""
    folder = folder_of(name)
    try:
        listed = json.loads((folder / LIST).read_text(encoding="utf-8"))
        return [place_of(PublishedFile(**file), folder) for file in listed]
    except (OSError, ValueError, TypeError):
        return None


def write_list(files: Sequence[PublishedFile], folder: Path) -> None:
    """Write the list of a checkpoint's files, before they are fetched."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / LIST).write_text(json.dumps([asdict(file) for file in files], indent=1), encoding="utf-8")


def model_files(settings: PhononSettings) -> list[ModelFiles]:
    """The files of each checkpoint, the configured one first. Quick, without network."""
    order = sorted(CHECKPOINTS, key=lambda name: name != settings.checkpoint)
    return [_files_of(name, settings) for name in order]


def local_checkpoint(settings: PhononSettings) -> LocalCheckpoint | None:
    """The user's own checkpoint, or the first of the official ones that is here; None: there is none."""
    if settings.model_path is not None:
        folder = settings.model_path.expanduser()
        remedy = f"replace the files in {folder}"
        own = LocalCheckpoint(folder, (), remedy)
        return own if own.weights is not None and (folder / TOKENIZER).is_file() else None
    wanted = list(CHECKPOINTS) if settings.checkpoint == "auto" else [settings.checkpoint]
    for name in wanted:
        places = places_of(name)
        if places and not missing_of(places):
            languages = CHECKPOINTS[name].languages
            return LocalCheckpoint(folder_of(name), languages, pull_command(name), tuple(places))
    return None


def files_availability(settings: PhononSettings) -> Availability:
    """Whether a checkpoint is here, and the command that fetches one."""
    if local_checkpoint(settings) is not None:
        return Availability(ready=True)
    if settings.model_path is not None:
        needed = f"{TOKENIZER} and {WEIGHTS[0]} or {WEIGHTS[1]}"
        return Availability(False, f"{settings.model_path} does not hold {needed}")
    name = USUAL if settings.checkpoint == "auto" else settings.checkpoint
    return Availability(False, f"its files are not in {folder_of(name)}", pull_command(name))


def unusable(message: str, remedy: str = "") -> BackendUnavailableError:
    """The error of a checkpoint that cannot be loaded."""
    return BackendUnavailableError(f"Phonon: {message}", backend=MODEL, remedy=remedy)


def _files_of(name: str, settings: PhononSettings) -> ModelFiles:
    checkpoint, places = CHECKPOINTS[name], places_of(name)
    return ModelFiles(
        model=MODEL,
        variant=name,
        source=f"{settings.hub.rstrip('/')}/{checkpoint.repository} ({checkpoint.licence})",
        folder=str(folder_of(name)),
        size=sum(place.file.size for place in places) if places else None,
        missing=missing_of(places) if places else NEEDED,
    )
