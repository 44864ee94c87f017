"""The voices of a checkpoint and of the user's folder, found without loading the model."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from tts_hub.types import Voice
from tts_hub_phonon.files import CONFIG, LocalCheckpoint, unusable

VOICE_FOLDERS = ("voices", "embeddings")
DEFAULT_FILE = "default-voice.safetensors"
DEFAULT = "default"
CLIPS = {".wav", ".flac", ".mp3", ".ogg", ".m4a"}
SPEAKER_ENCODER = b"speaker_proj", b"conditioners.speaker_wavs.output_proj"
"""Names of the weights that only a checkpoint with a speaker encoder has, in its two formats."""
MOST_OF_A_HEAD = 4_000_000
"""Bytes at the beginning of a file of weights that hold the names of all of them."""


@dataclass(frozen=True, slots=True)
class FoundVoice:
    """A voice, and its file outside the checkpoint."""

    voice: Voice
    added: Path | None = None
    """A file in the user's folder; None: the package finds the voice itself."""

    @property
    def is_clip(self) -> bool:
        """Whether the voice has to be cloned from a clip."""
        return self.added is not None and self.added.suffix.lower() in CLIPS


def find_voices(checkpoint: LocalCheckpoint, added: Path | None) -> list[FoundVoice]:
    """The voices of a checkpoint, the default one first, then those of the user's folder. Blocking.

    Clips count only where the checkpoint has a speaker encoder. A name that occurs twice is the user's voice.

    Raises:
        BackendUnavailableError: the checkpoint's `config.json` or the user's folder cannot be read.
    """
    config = _config(checkpoint)
    languages = checkpoint.languages or _listed_languages(config)
    language = languages[0] if len(languages) == 1 else ""
    default = str(config.get("default_voice") or DEFAULT)
    names = sorted(set(_names(checkpoint.folder, config)), key=lambda name: (name != default, name))
    found = {name: FoundVoice(_voice(name, language)) for name in names}
    for file in _added_files(added):
        is_clip = file.suffix.lower() in CLIPS
        if file.suffix == ".safetensors" or (is_clip and has_speaker_encoder(checkpoint)):
            found[file.stem] = FoundVoice(_voice(file.stem, language), file)
    return list(found.values())


def cloned_voice(voice: Voice) -> FoundVoice:
    """A voice of the store, under a name that says which recording it is."""
    sample = voice.samples[0]
    return FoundVoice(replace(voice, id=f"sample-{sample.hash}", samples=()), Path(sample.path))


def has_speaker_encoder(checkpoint: LocalCheckpoint) -> bool:
    """Whether a checkpoint can clone voices, by the names of its weights."""
    weights = checkpoint.weights
    return weights is not None and _names_encoder(weights, weights.stat().st_mtime_ns)


@lru_cache(8)
def _names_encoder(weights: Path, changed: int) -> bool:
    """Whether a file of weights holds a speaker encoder; `changed` is the time of its last change."""
    with weights.open("rb") as file:
        head = file.read(8)
        size = struct.unpack("<Q", head)[0] if len(head) == 8 and head[:4] != b"GGUF" else MOST_OF_A_HEAD
        names = file.read(min(size, MOST_OF_A_HEAD))
    return any(mark in names for mark in SPEAKER_ENCODER)


def languages_of(checkpoint: LocalCheckpoint) -> tuple[str, ...]:
    """The languages of a checkpoint; empty if it does not say."""
    return checkpoint.languages or _listed_languages(_config(checkpoint))


def _added_files(folder: Path | None) -> list[Path]:
    try:
        return sorted(folder.expanduser().iterdir()) if folder is not None else []
    except OSError as exc:
        raise unusable(f"voices_folder cannot be read: {exc}", f"mkdir -p {folder}") from exc


def _listed_languages(config: dict[str, object]) -> tuple[str, ...]:
    languages = config.get("languages")
    return tuple(map(str, languages)) if isinstance(languages, list) else ()


def _config(checkpoint: LocalCheckpoint) -> dict[str, object]:
    file = checkpoint.folder / CONFIG
    if not file.is_file():  # as in Pocket TTS
        return {}
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise unusable(f"{file} cannot be read: {exc}", checkpoint.remedy) from exc
    if not isinstance(config, dict):
        raise unusable(f"{file} does not describe a checkpoint", checkpoint.remedy)
    return config


def _names(folder: Path, config: dict[str, object]) -> Iterator[str]:
    for inner in VOICE_FOLDERS:
        yield from (file.stem for file in (folder / inner).glob("*.safetensors"))
    if (folder / DEFAULT_FILE).is_file():
        yield DEFAULT
    baked = config.get("voices")  # voices whose embeddings are among the weights
    for voice in baked if isinstance(baked, list) else ():
        if isinstance(voice, dict) and isinstance(voice.get("name"), str):
            yield voice["name"]


def _voice(name: str, language: str) -> Voice:
    return Voice(id=name, name=name.replace("_", " ").replace("-", " ").title(), language=language)
