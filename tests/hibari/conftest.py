"""The engine with the voice of the package, loaded once, and voices on a server of this machine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest
from tts_hub_hibari import HibariBackend
from tts_hub_hibari.files import published_voices

from tests.local_hub import LocalHub, serving

SWITCH = "TTS_HUB_BACKENDS__HIBARI__ENABLED"
PRIORITY = HibariBackend.priority


@pytest.fixture(autouse=True)
def _switched_on(away_from_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SWITCH)
    monkeypatch.setattr(HibariBackend, "priority", PRIORITY)


@pytest.fixture(scope="session")
def loaded_backend() -> HibariBackend:
    backend = HibariBackend()
    anyio.run(backend.load)
    return backend


@pytest.fixture(scope="session")
def heart() -> Path:
    """The graph in the package."""
    return published_voices()["heart"].place.path


@pytest.fixture
def voices_to_pull(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, heart: Path) -> Iterator[LocalHub]:
    """A package whose registry has three voices; two of them are on a server. All sound like `heart`."""
    assets = tmp_path / "assets"
    assets.mkdir()
    graph = heart.read_bytes()
    (assets / heart.name).write_bytes(graph)
    named = {name: graph + bytes([0x12, len(name)]) + name.encode() for name in ("emma", "fenrir")}
    registry = json.loads((heart.parent / "voices.json").read_text(encoding="utf-8"))
    kept = {name: registry[name] for name in ("heart", *named)}
    for name, data in named.items():
        kept[name] |= {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    (assets / "voices.json").write_text(json.dumps(kept), encoding="utf-8")
    monkeypatch.setattr("tts_hub_hibari.files._assets", lambda: assets)
    files = {registry[name]["file"]: data for name, data in named.items()}
    hub = LocalHub("maureesewilliams/hibari", "main", files, large=set(files))
    with serving(hub):
        yield hub
