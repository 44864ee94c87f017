"""A local hub with a small model, and an empty cache."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import pytest
from huggingface_hub import constants

from tests.chatterbox.files.small_model import FILES, REVISION, SMALL, reach
from tests.local_hub import LocalHub, serving
from tts_hub.download import transfer


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own, no token, and no patience."""
    for name in [
        name for name in os.environ if name.startswith(("HF_", "HUGGING")) or "proxy" in name.lower()
    ]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(transfer, "PAUSE", 0.0)
    return tmp_path / "cache"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Generator[LocalHub, None, None]:
    hub = LocalHub(
        SMALL.repository,
        REVISION,
        FILES | {"README.md": b"not needed"},
        large={name for name in FILES if name.endswith(".safetensors")},
    )
    with serving(hub):
        reach(hub.url, monkeypatch)
        yield hub
