"""The files of the model on this machine: where they are, and which of them are missing.

Without `model_path` they lie in the user's data folder, and are checked against the published checksums. A
folder in `model_path` may contain any export of the model under any name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from tts_hub.download.folders import Place, missing_of, unsound_of
from tts_hub.errors import BackendUnavailableError
from tts_hub.types import Availability, ModelFiles
from tts_hub_kokoro.settings import KokoroSettings
from tts_hub_kokoro.variants import GRAPHS, MODEL, PULL_COMMAND, VOICES

VOICE_FILES = ("voices*.bin", "voices*.npz", "*.npz")
"""Patterns for the name of a voices file in a user's folder, the usual one first."""

OWN_FOLDER = "your own folder"
"""Source of the files in `model_path`."""


@dataclass(frozen=True, slots=True)
class LocalModel:
    """The files of a model that can be loaded."""

    graph: Path
    voices: Path
    remedy: str
    """What a user does if one of the two is unusable."""
    places: tuple[Place, ...] = ()
    """Published files, to be checked before they are loaded; none in a user's folder."""


def model_folder(settings: KokoroSettings) -> Path:
    """The folder of the files, which need not exist yet."""
    if settings.model_path is not None:
        return settings.model_path.expanduser()
    return platformdirs.user_data_path("tts-hub") / "models" / "kokoro-v1.0"


def places_of(variant: str, settings: KokoroSettings) -> list[Place]:
    """The places of the files of a variant, the small one first."""
    folder, own = model_folder(settings), settings.model_path is not None
    files = (VOICES, GRAPHS[variant])
    return [Place(file, folder / file.name, folder / file.name, own=own) for file in files]


def model_files(settings: KokoroSettings) -> list[ModelFiles]:
    """The files of each variant, the configured one first. Quick, without network.

    A user's folder that contains a model is shown as it is, with its real size.
    """
    if settings.model_path is not None and (there := _models_there(settings)):
        return there
    chosen = [v for v in GRAPHS if v == settings.variant]
    order = [*chosen, *(v for v in GRAPHS if v not in chosen)]
    return [_files_of(variant, settings) for variant in order]


def local_model(settings: KokoroSettings) -> LocalModel | None:
    """The configured variant, or the most exact one that is installed; None: no model is installed."""
    for variant in _wanted(settings):
        places = places_of(variant, settings)
        if not missing_of(places):
            voices, graph = places
            checked = () if voices.own else tuple(places)
            return LocalModel(graph.path, voices.path, _mending(settings, graph.path), checked)
    return _own_export(settings)


def voices_file(settings: KokoroSettings) -> Path | None:
    """The file with the voices; None: no model is installed."""
    model = local_model(settings)
    return model.voices if model is not None else None


def files_availability(settings: KokoroSettings) -> Availability:
    """Whether a model is installed, and the command that installs one."""
    if local_model(settings) is not None:
        return Availability(ready=True)
    folder = model_folder(settings)
    if settings.model_path is not None:
        needed = "one .onnx file and one voices file" if settings.variant == "auto" else _names(settings)
        return Availability(False, f"{folder} does not hold {needed}", pull_command(settings))
    some = [files for files in model_files(settings) if len(files.missing) == 1]
    reason = f"{some[0].missing[0]} is not in {folder}" if some else f"its files are not in {folder}"
    return Availability(False, reason, pull_command(settings))


def check(model: LocalModel) -> None:
    """Check the published files against their checksums. Blocking, about a second.

    Raises:
        BackendUnavailableError: a file is cut off or damaged.
    """
    damaged = unsound_of(model.places)
    if damaged:
        names = ", ".join(place.file.name for place in damaged)
        raise unusable(f"{names} in {damaged[0].path.parent} is damaged: its checksum is wrong", model.remedy)


def pull_command(settings: KokoroSettings) -> str:
    """The command that downloads the files."""
    variant = "" if settings.variant in {"auto", "fp32"} else f" --variant {settings.variant}"
    return f"{PULL_COMMAND}{variant}"


def removable(variant: str, settings: KokoroSettings) -> list[Place]:
    """The places of a variant that no other installed variant needs."""
    voices, graph = places_of(variant, settings)
    others = (places_of(other, settings)[1] for other in GRAPHS if other != variant)
    return [graph] if any(other.is_filled() for other in others) else [voices, graph]


def unusable(message: str, remedy: str) -> BackendUnavailableError:
    """The error of a model that cannot be loaded."""
    return BackendUnavailableError(f"Kokoro: {message}", backend=MODEL, remedy=remedy)


def _files_of(variant: str, settings: KokoroSettings) -> ModelFiles:
    places = places_of(variant, settings)
    return ModelFiles(
        model=MODEL,
        variant=variant,
        source=settings.release,
        folder=str(model_folder(settings)),
        size=sum(place.file.size for place in places),
        missing=missing_of(places),
    )


def _models_there(settings: KokoroSettings) -> list[ModelFiles]:
    """The models in a user's folder; published names count as their variants."""
    folder = model_folder(settings)
    found = {v: places_of(v, settings) for v in _wanted(settings)}
    models = {v: [place.path for place in places] for v, places in found.items() if not missing_of(places)}
    own = _own_export(settings)
    if not models and own is not None:
        models = {"": [own.graph, own.voices]}
    return [
        ModelFiles(
            MODEL, OWN_FOLDER, str(folder), sum(file.stat().st_size for file in files), variant=variant
        )
        for variant, files in models.items()
    ]


def _wanted(settings: KokoroSettings) -> Sequence[str]:
    return tuple(GRAPHS) if settings.variant == "auto" else (settings.variant,)


def _names(settings: KokoroSettings) -> str:
    return f"{GRAPHS[settings.variant].name} and {VOICES.name}"


def _own_export(settings: KokoroSettings) -> LocalModel | None:
    """The only graph and the voices in a user's folder, under any names."""
    if settings.model_path is None or settings.variant != "auto":
        return None
    folder = model_folder(settings)
    graphs = sorted(folder.glob("*.onnx"))
    voices = [path for pattern in VOICE_FILES for path in sorted(folder.glob(pattern))]
    if len(graphs) != 1 or not voices:
        return None
    return LocalModel(graphs[0], voices[0], _mending(settings, graphs[0]))


def _mending(settings: KokoroSettings, graph: Path) -> str:
    command = pull_command(settings)
    return command if settings.model_path is None else f"replace the files in {graph.parent}"
