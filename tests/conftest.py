"""Fixtures of all tests: asyncio under anyio, and no access to a user's folders or settings."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

TESTS = Path(__file__).parent
settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("desk", deadline=None)  # a busy machine is no failure
for ignored in (signal.SIGINT, signal.SIGHUP):
    # `nohup make test &` ignores signals, for all processes that the tests start too.
    if signal.getsignal(ignored) is signal.SIG_IGN:
        signal.signal(ignored, signal.SIG_DFL)
# CI runs the same examples each time; runs at a desk look for new ones.
settings.load_profile("ci" if os.environ.get("CI") else "desk")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With parallel test processes, one process runs a whole file, and one process runs all of Chatterbox."""
    for item in items:
        file = item.path.relative_to(TESTS)
        group = file.parts[0] if file.parts[0] == "chatterbox" else str(file)
        item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def away_from_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home and working folder, and no variable of the caller in the environment.

    `auto` is espeak-ng, which loads at once and speaks every language: hibari is off outside its own tests.
    """
    home = tmp_path_factory.mktemp("home")
    for name in [name for name in os.environ if name.startswith(("TTS_HUB_", "XDG_", "HF_", "HUGGINGFACE_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TTS_HUB_BACKENDS__HIBARI__ENABLED", "false")
    monkeypatch.setattr("tts_hub_hibari.HibariBackend.priority", -1)  # where the environment is not read
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(tmp_path_factory.mktemp("work"))
    return home
