"""The files of a model on this machine: where they are, which are missing, and how to fetch them.

Without `model_path` they lie in the hub's shared cache, in the layout of
https://huggingface.co/docs/hub/local-cache: files that other programs have fetched are used, and the reverse.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from anyio import to_thread

from tts_hub.download.folders import Place, missing_of, remove, unsound_of
from tts_hub.errors import BackendUnavailableError, install_command
from tts_hub.progress import ProgressCallback, ProgressEvent, ignore
from tts_hub.types import Availability, ModelFiles
from tts_hub_chatterbox.files.errors import UnusableFileError
from tts_hub_chatterbox.files.variants import Variant
from tts_hub_chatterbox.settings import ChatterboxSettings

SHOWN = 3
"""Names of missing files in a message."""


def folder_of(variant: Variant, settings: ChatterboxSettings) -> Path:
    """The folder in which the files of a model are, or will be."""
    if settings.model_path is not None:
        return settings.model_path.expanduser()
    return _repository_folder(variant) / "snapshots" / variant.revision


def local_files(variant: Variant, settings: ChatterboxSettings) -> Path | None:
    """The folder that has all files of a model, or None. Quick, without network."""
    return None if _missing(variant, settings) else folder_of(variant, settings)


def model_files(variant: Variant, settings: ChatterboxSettings) -> ModelFiles:
    """The model's files as the hub shows them. Quick, without network."""
    return ModelFiles(
        model=variant.model,
        source=f"huggingface.co/{variant.repository}@{variant.revision[:12]}",
        folder=str(folder_of(variant, settings)),
        size=variant.size,
        missing=_missing(variant, settings),
    )


def files_availability(variant: Variant, settings: ChatterboxSettings) -> Availability:
    """Whether the files of a model are here, and the command that fetches them if not."""
    missing = _missing(variant, settings)
    if not missing:
        return Availability(ready=True)
    which = f"its files ({variant.size / 1e9:.2f} GB)"
    if len(missing) < len(variant.files):
        names = ", ".join(missing[:SHOWN]) + (", …" if len(missing) > SHOWN else "")
        which = f"{len(missing)} of its {len(variant.files)} files ({names})"
    return Availability(
        ready=False,
        reason=f"{which} are not in {folder_of(variant, settings)}",
        remedy=pull_command(variant),
    )


def pull_command(variant: Variant) -> str:
    """The command that fetches the files."""
    return f"tts-hub models pull {variant.model}"


def file_remedy(variant: Variant, settings: ChatterboxSettings, file: Path) -> str:
    """The remedy for a file that cannot be used. A pull changes no file in a folder of the user's."""
    command = pull_command(variant)
    return command if settings.model_path is None else f"replace {file}, or delete it and run {command}"


@contextmanager
def translate_load_failure(
    backend: str, variant: Variant, settings: ChatterboxSettings
) -> Generator[None, None, None]:
    """Add the engine's name and a remedy to the errors of loading, which knows neither.

    Raises:
        BackendUnavailableError: as loading raised it, with both.
    """
    try:
        yield
    except BackendUnavailableError as exc:
        remedy = (
            file_remedy(variant, settings, exc.file) if isinstance(exc, UnusableFileError) else exc.remedy
        )
        raise BackendUnavailableError(str(exc), backend=backend, remedy=remedy) from exc


async def pull(
    variant: Variant, settings: ChatterboxSettings, on_progress: ProgressCallback = ignore
) -> None:
    """Fetch the files of a model that are missing, cut off or damaged, and no others.

    A pull resumes where an earlier one was stopped. In a folder of the user's (`model_path`) only missing
    files are added; existing ones stay as they are.

    Raises:
        BackendUnavailableError: no network, no access, no space, or not what was published.
    """
    places = places_of(variant, settings)
    on_progress(ProgressEvent("downloading", backend=variant.model, message="checking the files on disk"))
    wanted = await to_thread.run_sync(unsound_of, places, abandon_on_cancel=True)
    if not wanted:
        return
    try:
        from tts_hub_chatterbox.files.fetch import fetch
    except ImportError as exc:
        raise BackendUnavailableError(
            f"downloading needs a package that is not installed: {exc.name}",
            backend=variant.model,
            remedy=install_command("chatterbox"),
        ) from exc
    await fetch(variant, wanted, on_progress, remedy=pull_command(variant))


def remove_files(variant: Variant, settings: ChatterboxSettings) -> int:
    """Delete the files of a model from the cache; returns the bytes that are free again. Blocks.

    Content that other files in the cache share is kept.

    Raises:
        UsageError: the files are in a folder of the user's.
        OSError: a file cannot be deleted.
    """
    places = places_of(variant, settings)
    if settings.model_path is not None:
        return remove(places)
    repository = _repository_folder(variant)
    freed = remove(_removable(places, repository))
    for folder in (repository / "snapshots", repository):
        with suppress(OSError):  # the folder does not exist, or holds something else
            folder.rmdir()
    return freed


def places_of(variant: Variant, settings: ChatterboxSettings) -> list[Place]:
    """The place of each file of a model."""
    folder = folder_of(variant, settings)
    if settings.model_path is not None:
        return [Place(file, folder / file.name, folder / file.name, own=True) for file in variant.files]
    store = _repository_folder(variant) / "blobs"
    return [Place(file, folder / file.name, store / file.sha256, own=False) for file in variant.files]


def _missing(variant: Variant, settings: ChatterboxSettings) -> tuple[str, ...]:
    return missing_of(places_of(variant, settings))


def _removable(places: Sequence[Place], repository: Path) -> list[Place]:
    """The places in the cache, without contents that other links point to.

    Small files that the hub's own library has fetched lie in the store under another hash than ours.
    """
    store = (repository / "blobs").resolve()
    linked = [replace(place, content=place.path.resolve()) for place in places if place.path.is_symlink()]
    inside = [place for place in linked if place.content.parent == store]
    ours = {place.path for place in places}
    others = (path for path in (repository / "snapshots").rglob("*") if path not in ours)
    needed = {path.resolve() for path in others if path.is_symlink()}
    return [
        replace(place, content=place.path) if place.content.resolve() in needed else place
        for place in (*inside, *places)
    ]


def _repository_folder(variant: Variant) -> Path:
    return _cache_folder() / f"models--{variant.repository.replace('/', '--')}"


def _cache_folder() -> Path:
    """The hub's cache, by the hub's own rules; its library is not needed to look for files."""
    environ = os.environ
    home = environ.get("HF_HOME") or str(
        Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "huggingface"
    )
    cache = environ.get("HF_HUB_CACHE") or environ.get("HUGGINGFACE_HUB_CACHE") or str(Path(home) / "hub")
    return Path(os.path.expandvars(cache)).expanduser()
