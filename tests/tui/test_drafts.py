"""The draft and the jobs that waited are there again at the next start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from textual.widgets import DataTable
from tts_hub_tui.app import CRASHED
from tts_hub_tui.screens.jobs import JobsScreen
from tts_hub_tui.storage.history import History
from tts_hub_tui.widgets.editor import ScriptEditor

from tests.tui.conftest import OpenStudio, RunningStudio, holding
from tts_hub.errors import OutputError

pytestmark = pytest.mark.anyio


def editor(studio: RunningStudio) -> ScriptEditor:
    return studio.main.query_one(ScriptEditor)


async def test_the_text_is_there_again_after_leaving_at_once(open_studio: OpenStudio) -> None:
    async with open_studio() as studio:
        await studio.pilot.press("h", "i")
        await studio.until(lambda: editor(studio).text == "hi")
    async with open_studio() as studio:
        assert editor(studio).text == "hi"


async def test_undo_brings_the_draft_back_when_another_text_was_named(open_studio: OpenStudio) -> None:
    async with open_studio() as studio:
        await studio.pilot.press("h", "i")
        await studio.until(lambda: editor(studio).text == "hi")
    async with open_studio(text="From a file.") as studio:
        await studio.until(lambda: editor(studio).text == "From a file.")
        await studio.pilot.press("ctrl+z")
        await studio.until(lambda: editor(studio).text == "hi")


async def test_a_crash_keeps_the_text_and_prints_no_values(
    open_studio: OpenStudio, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> None:
        secret = "sk-hidden"
        raise RuntimeError(f"a bug of {len(secret)}")

    with pytest.raises(BaseExceptionGroup) as caught:
        async with open_studio() as studio:
            await studio.pilot.press("h", "i")
            await studio.until(lambda: editor(studio).text == "hi")
            studio.app.call_later(broken)
            await studio.until(lambda: not studio.app.is_running)
            assert studio.app.return_code == CRASHED
    assert caught.group_contains(RuntimeError, match="a bug of 9")
    assert "the studio crashed" in caplog.text
    assert "sk-hidden" not in "".join(capsys.readouterr())
    async with open_studio() as studio:
        assert editor(studio).text == "hi"


async def test_what_waits_is_spoken_after_a_restart(open_studio: OpenStudio) -> None:
    async with open_studio(script=holding(), text="One two three four five.") as studio:
        await studio.pilot.press("f5", "f5", "f5")
        await studio.until(lambda: len(studio.queue.jobs) == 3 and studio.queue.is_busy)
        await studio.until(lambda: studio.queue.jobs[0].recording)
    async with open_studio() as studio:
        await studio.until(lambda: "Not spoken yet from last time: 2" in studio.notes)
        await studio.pilot.press("f3")
        await studio.shows(JobsScreen)
        table = studio.app.screen.query_one(DataTable)
        await studio.until(lambda: table.row_count == 3)
        assert "waiting" in str(table.get_row_at(0)[1])
        await studio.pilot.press("enter")
        await studio.until(lambda: [job.state for job in studio.queue.jobs] == ["done"])
        assert studio.app.studio.history.count_waiting() == 1
        assert len(studio.app.studio.history.entries()) == 3


def test_recordings_of_a_process_that_was_killed(folder: Path) -> None:
    killed = """
import os, sys
from datetime import datetime, UTC
from pathlib import Path
import numpy as np
from tts_hub.types import AudioChunk
from tts_hub_tui.storage.entry import HistoryEntry
from tts_hub_tui.storage.history import History
from tts_hub_tui.storage.recording import Recording
folder = Path(sys.argv[1])
history = History(folder, keep_bytes=10**9)
history.add(HistoryEntry("known", datetime.now(UTC), "Text.", 5, {}, "stopped"))
for name in ("known", "unknown"):
    Recording.create(folder, name, 8000).append(AudioChunk(np.zeros(4000, np.float32), 8000))
os._exit(9)
"""
    subprocess.run([sys.executable, "-c", killed, str(folder)], check=False)
    (entry,) = History(folder, keep_bytes=10**9).entries()
    assert (entry.bytes, entry.facts.audio_seconds) == (8000, 0.5)
    assert [file.name for file in folder.glob("*.pcm")] == ["known.pcm"]


def test_a_history_of_another_version_is_refused(folder: Path) -> None:
    import sqlite3
    from contextlib import closing

    History(folder, keep_bytes=1)
    with closing(sqlite3.connect(folder / "history.sqlite")) as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(OutputError, match="another version"):
        History(folder, keep_bytes=1)


def test_search_folds_letters_of_every_alphabet_and_sees_no_field_names(folder: Path) -> None:
    from datetime import UTC, datetime

    from tts_hub_tui.storage.entry import HistoryEntry

    history = History(folder, keep_bytes=1)
    history.add(HistoryEntry("a", datetime.now(UTC), "ÜBER die Straße", 15, {"voice": "Émile"}, "done"))
    for found in ("über", "STRASSE", "émile"):
        assert history.entries(found), found
    assert not history.entries("response_format")
    assert not history.entries("real_time")


async def test_values_that_are_invalid_by_now_do_not_end_the_start(
    open_studio: OpenStudio, folder: Path
) -> None:
    history = History(folder, keep_bytes=1)
    history.remember("choice", {"response_format": "ogg9", "speed": 3, "options": {"x": 1}, "new": True})
    async with open_studio() as studio:
        from tts_hub_tui.widgets.controls import Controls

        choice = studio.main.query_one(Controls).choice
        assert (choice.response_format, choice.speed, choice.options) == ("mp3", "1", {})
