"""A tiny checkpoint in a folder, and the engine on it. Without the package `ptts` these tests are skipped."""

from __future__ import annotations

from pathlib import Path

import pytest
from tts_hub_phonon import PhononBackend, PhononSettings

from tests.phonon.tiny import write_checkpoint


@pytest.fixture(autouse=True)
def _package() -> None:
    """A test whose engine is `ptts` is skipped where that is not installed."""
    pytest.importorskip("ptts", reason="the package ptts is not installed")


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("phonon"))


@pytest.fixture(scope="session")
def cloning_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("phonon-cloning"), clones=True)


@pytest.fixture
def backend(folder: Path) -> PhononBackend:
    return PhononBackend(PhononSettings(model_path=folder))
