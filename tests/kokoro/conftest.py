"""A tiny model in a folder, and the engine on it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tts_hub_kokoro import KokoroBackend, KokoroSettings

from tests.kokoro.tiny import write_model


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("kokoro"))


@pytest.fixture
def backend(model_folder: Path) -> KokoroBackend:
    return KokoroBackend(KokoroSettings(model_path=model_folder))
