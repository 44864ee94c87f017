"""A small model with files of random bytes, and what tests of its files share."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import pytest
from huggingface_hub import constants
from tts_hub_chatterbox.files.download import (
    local_files,
    places_of,
    pull,
)
from tts_hub_chatterbox.files.variants import T3Size, Variant
from tts_hub_chatterbox.settings import ChatterboxSettings

from tts_hub.download.folders import PublishedFile
from tts_hub.errors import BackendUnavailableError

SETTINGS = ChatterboxSettings()
REVISION = "0123456789abcdef0123456789abcdef01234567"
T3 = "t3_small.safetensors"


def content(seed: int, size: int) -> bytes:
    return random.Random(seed).randbytes(size)


FILES = {
    "added_tokens.json": content(1, 400),
    "vocab.json": content(2, 30_000),
    "conds.pt": content(3, 2_000),
    "ve.safetensors": content(4, 50_000),
    "s3gen_meanflow.safetensors": content(5, 900_000),
    T3: content(6, 3_000_000),
}
TOTAL = sum(map(len, FILES.values()))


def described(name: str) -> PublishedFile:
    return PublishedFile(name, len(FILES[name]), hashlib.sha256(FILES[name]).hexdigest())


SMALL = Variant(
    model="chatterbox-small",
    repository="Somebody/chatterbox-small",
    revision=REVISION,
    t3=described(T3),
    t3_size=T3Size(layers=1, width=8, heads=1),
    s3gen=described("s3gen_meanflow.safetensors"),
    voice_encoder=described("ve.safetensors"),
    built_in_voice=described("conds.pt"),
    tokenizer=(described("added_tokens.json"), described("vocab.json")),
)


def reach(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the library take that for the hub; it has read its environment already."""
    monkeypatch.setattr(constants, "ENDPOINT", url)
    template = url + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)


def part_of(name: str, settings: ChatterboxSettings = SETTINGS) -> Path:
    return next(place.part for place in places_of(SMALL, settings) if place.file.name == name)


async def refused(settings: ChatterboxSettings = SETTINGS) -> BackendUnavailableError:
    """The error that a pull ends with."""
    with pytest.raises(BackendUnavailableError) as caught:
        await pull(SMALL, settings)
    assert caught.value.backend == SMALL.model
    return caught.value


def leftovers(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.name.endswith((".incomplete", ".lock"))]


def is_whole(settings: ChatterboxSettings = SETTINGS) -> bool:
    folder = local_files(SMALL, settings)
    return folder is not None and all((folder / name).read_bytes() == FILES[name] for name in FILES)
