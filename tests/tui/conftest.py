"""A studio on a scripted engine, running as a person drives it; nothing of it makes a sound."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest
from textual.pilot import Pilot
from tts_hub_tui.app import StudioApp
from tts_hub_tui.hubs.local import LocalHub
from tts_hub_tui.jobs.queue import JobQueue
from tts_hub_tui.screens.main import MainScreen
from tts_hub_tui.widgets.controls import Controls

from tests.waiting import WITHIN
from tts_hub.config import Config, StudioConfig
from tts_hub.manager import TTSBackendManager
from tts_hub.testing.fake import FakeBackend, FakeScript


def holding(chunks: int = 100) -> FakeScript:
    """An engine that gives this many tenths of a second of a segment and then waits; words last long, so that
    the sound does not come to its end while a test looks at it."""
    return FakeScript(seconds_per_word=LONG_WORD, hold_at=chunks)


def long_words() -> FakeScript:
    """An engine that gives all at once, of words that last long."""
    return FakeScript(seconds_per_word=LONG_WORD)


@dataclass(slots=True)
class RunningStudio:
    """A running studio, and the hands on its keyboard."""

    app: StudioApp
    pilot: Pilot[None]
    engine: FakeBackend

    async def until(self, holds: Callable[[], object]) -> None:
        """Wait for something to become true."""
        with anyio.fail_after(WITHIN):
            while not holds():
                await self.pilot.pause(0.02)

    def text(self, selector: str) -> str:
        """What a line of the screen says."""
        return str(self.app.screen.query_one(selector).render())

    @property
    def main(self) -> MainScreen:
        found = self.app.screen_stack[1]
        assert isinstance(found, MainScreen)
        return found

    @property
    def queue(self) -> JobQueue:
        return self.app.studio.queue

    @property
    def notes(self) -> str:
        """All notifications that are shown."""
        return "\n".join(f"{note.title} {note.message}" for note in self.app._notifications)


LONG_WORD = 3.0
"""Seconds."""
OpenStudio = Callable[..., AbstractAsyncContextManager[RunningStudio]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "studio"


@pytest.fixture
def open_studio(monkeypatch: pytest.MonkeyPatch, folder: Path) -> OpenStudio:
    """Opens studios, one after the other, on the same folder."""
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    monkeypatch.setattr("tts_hub_tui.screens.speaking.KEY_REPEAT", 0.0)  # a test presses a key twice at once

    @asynccontextmanager
    async def studio(
        *engines: FakeBackend,
        script: FakeScript | None = None,
        config: Config | None = None,
        settings: StudioConfig | None = None,
        size: tuple[int, int] = (100, 30),
        text: str = "",
        discover: bool = False,
        has_engine: bool = True,
    ) -> AsyncGenerator[RunningStudio, None]:
        manager = TTSBackendManager(config, discover=discover)
        played = engines or (FakeBackend(script=script, priority=1),)
        for engine in played:
            manager.register(engine)
        hub = LocalHub(manager)
        app = StudioApp(hub, settings or StudioConfig(), folder, text=text)
        async with hub, anyio.create_task_group() as tasks:
            tasks.start_soon(app.studio.queue.run)
            async with app.run_test(size=size) as pilot:
                running = RunningStudio(app, pilot, played[0])
                await running.until(lambda: app.screen_stack[1:] and app.studio.queue.player.silence_reason)
                controls = running.main.query_one(Controls)
                await running.until(lambda: not has_engine or controls.engine is not None)
                yield running
            tasks.cancel_scope.cancel()

    return studio
