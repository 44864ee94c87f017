"""A studio with a scripted engine, used by keys and mouse, without sound."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import pytest
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import DataTable
from tts_hub_tui.app import StudioApp
from tts_hub_tui.hubs.local import LocalHub
from tts_hub_tui.jobs.queue import JobQueue
from tts_hub_tui.screens.jobs import JobsScreen
from tts_hub_tui.screens.main import MainScreen
from tts_hub_tui.widgets.controls import Controls

from tests.waiting import WITHIN
from tts_hub.config import Config, StudioConfig
from tts_hub.manager import TTSBackendManager
from tts_hub.testing.fake import FakeBackend, FakeScript


def holding(chunks: int = 100) -> FakeScript:
    """An engine that yields this many tenths of a second of a segment and then waits.

    Its words are long, so that playback does not end while a test looks at it.
    """
    return FakeScript(seconds_per_word=LONG_WORD, hold_at=chunks)


def long_words() -> FakeScript:
    """An engine that yields all of its audio at once; its words are long."""
    return FakeScript(seconds_per_word=LONG_WORD)


@dataclass(slots=True)
class RunningStudio:
    """A running studio, and the pilot that presses its keys."""

    app: StudioApp
    pilot: Pilot[None]
    engine: FakeBackend

    async def until(self, holds: Callable[[], object]) -> None:
        """Wait until `holds()` is true."""
        with anyio.fail_after(WITHIN):
            while not holds():
                await self.pilot.pause(0.02)

    async def shows(self, kind: type[Screen[Any]]) -> None:
        """Wait until a screen of this class is on top, with its widgets."""
        await self.until(lambda: isinstance(self.app.screen, kind) and self.app.screen.is_mounted)

    async def speak(self, number: int = 1) -> None:
        """Speak the text, and wait until this one, the `number`-th, is over."""
        await self.pilot.press("f5")
        await self.until(lambda: len(self.queue.jobs) == number and self.queue.jobs[-1].is_over)

    async def open_jobs(self) -> DataTable[str]:
        """Show the queue and the history, and wait until something is listed."""
        await self.pilot.press("f3")
        await self.shows(JobsScreen)
        table = self.app.screen.query_one(DataTable)
        await self.until(lambda: table.row_count)
        return table

    def text(self, selector: str) -> str:
        """The text of a widget on the screen."""
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
        """The notices that are shown."""
        return "\n".join(f"{note.title} {note.message}" for note in self.app._notifications)


LONG_WORD = 3.0
"""Seconds that a word of these engines lasts."""
OpenStudio = Callable[..., AbstractAsyncContextManager[RunningStudio]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "studio"


@pytest.fixture
def open_studio(monkeypatch: pytest.MonkeyPatch, folder: Path) -> OpenStudio:
    """A function that opens studios, one after the other, on the same folder."""
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
                await running.until(lambda: app.main.is_mounted and running.queue.player.silence_reason)
                controls = running.main.query_one(Controls)
                await running.until(lambda: not has_engine or controls.engine is not None)
                yield running
            tasks.cancel_scope.cancel()

    return studio
