"""The queue and the history, used by the keys of their screen."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from textual.widgets import Input
from tts_hub_tui.screens.files import SaveAs
from tts_hub_tui.screens.jobs import JobsScreen
from tts_hub_tui.widgets.controls import Controls
from tts_hub_tui.widgets.editor import ScriptEditor

from tests.tui.conftest import OpenStudio, holding
from tts_hub.config import StudioConfig
from tts_hub.types import Voice

pytestmark = pytest.mark.anyio


async def test_what_was_spoken_is_listed_after_a_restart(open_studio: OpenStudio) -> None:
    async with open_studio(text="One two three.") as studio:
        await studio.speak()
    async with open_studio() as studio:
        table = await studio.open_jobs()
        row = [str(cell) for cell in table.get_row_at(0)]
        assert row[1:4] == ["✓ done", "One two three.", "low"]
        assert row[4].startswith("0:0")
        assert row[5].endswith("MB")
        assert row[6].endswith("ms")
        await studio.until(lambda: "14 characters" in studio.text("#details"))


async def test_a_recording_of_an_earlier_time_is_played(open_studio: OpenStudio) -> None:
    async with open_studio(text="One two three.") as studio:
        await studio.speak()
    async with open_studio() as studio:
        await studio.open_jobs()
        await studio.pilot.press("enter")
        await studio.until(lambda: studio.queue.player.state == "playing")
        assert not studio.engine.requests


async def test_it_is_spoken_again_with_the_same_voice(open_studio: OpenStudio) -> None:
    async with open_studio(text="One two three.") as studio:
        await studio.main.query_one(Controls).choose_voice(Voice("high", "high", "en"))
        await studio.speak()
    async with open_studio() as studio:
        await studio.open_jobs()
        await studio.pilot.press("r")
        await studio.until(lambda: studio.engine.requests)
        assert studio.engine.requests[0].text == "One two three."
        assert studio.engine.requests[0].voice.id == "high"


async def test_an_earlier_text_is_taken_back_into_the_editor(open_studio: OpenStudio) -> None:
    async with open_studio(text="One two three.") as studio:
        await studio.speak()
    async with open_studio() as studio:
        await studio.open_jobs()
        await studio.pilot.press("t")
        await studio.until(lambda: studio.main.query_one(ScriptEditor).text == "One two three.")


async def test_an_earlier_recording_is_exported(open_studio: OpenStudio, tmp_path: Path) -> None:
    async with open_studio(text="One two three.") as studio:
        await studio.speak()
    async with open_studio() as studio:
        await studio.open_jobs()
        await studio.pilot.press("e")
        await studio.shows(SaveAs)
        studio.app.screen.query_one(Input).value = str(tmp_path / "old.wav")
        await studio.pilot.press("ctrl+s")
        await studio.until(lambda: (tmp_path / "old.wav").exists())


async def test_what_is_deleted_is_gone_from_the_disk(open_studio: OpenStudio, folder: Path) -> None:
    async with open_studio(text="One two three.") as studio:
        await studio.speak()
        assert list(folder.glob("*.pcm"))
        table = await studio.open_jobs()
        await studio.pilot.press("d")
        await studio.until(lambda: table.row_count == 0)
        assert not list(folder.glob("*.pcm"))
        assert not list(folder.glob("*.json"))


async def test_a_recording_that_was_deleted_by_hand_is_reported(
    open_studio: OpenStudio, folder: Path
) -> None:
    async with open_studio(text="One two three.") as studio:
        await studio.speak()
    for file in folder.glob("*.pcm"):
        file.unlink()
    async with open_studio() as studio:
        await studio.open_jobs()
        await studio.pilot.press("enter")
        await studio.until(lambda: "gone" in studio.notes)


async def test_history_is_searched(open_studio: OpenStudio) -> None:
    async with open_studio(text="Apples.") as studio:
        await studio.speak()
        studio.main.query_one(ScriptEditor).load("Pears.")
        await studio.speak(2)
        table = await studio.open_jobs()
        await studio.until(lambda: table.row_count == 2)
        await studio.pilot.press("slash", *"PEAR")
        await studio.until(lambda: table.row_count == 1)
        assert str(table.get_row_at(0)[2]) == "Pears."


async def test_what_waits_is_taken_out_of_the_queue(open_studio: OpenStudio) -> None:
    async with open_studio(script=holding(), text="One two three four five six seven.") as studio:
        await studio.pilot.press("f5", "f5")
        await studio.until(lambda: len(studio.queue.jobs) == 2)
        table = await studio.open_jobs()
        await studio.until(lambda: "queued" in str(table.get_row_at(0)[1]))
        await studio.pilot.press("s")
        await studio.until(lambda: studio.queue.jobs[1].state == "stopped")
        assert studio.queue.jobs[0].state == "speaking"


async def test_the_oldest_recordings_go_where_there_are_too_many(
    open_studio: OpenStudio, folder: Path
) -> None:
    async with open_studio(text="One two three.", settings=StudioConfig(keep_megabytes=0)) as studio:
        await studio.speak()
        await studio.speak(2)
        assert len(list(folder.glob("*.pcm"))) == 1
        assert len(studio.app.studio.history.entries()) == 2


async def test_a_history_that_is_lost_does_not_end_the_studio(open_studio: OpenStudio, folder: Path) -> None:
    async with open_studio(text="One two.") as studio:
        await studio.speak()
        (folder / "history.sqlite").unlink()
        (folder / "history.sqlite").mkdir()
        await studio.speak(2)
        await studio.until(lambda: "cannot use the history" in studio.notes)
        assert studio.queue.jobs[1].state == "done"
        await studio.pilot.press("f3")
        await studio.shows(JobsScreen)
        await studio.pilot.press("escape", "f2", "escape", "ctrl+s")
        await studio.shows(SaveAs)


async def test_a_disk_that_refuses_is_reported(open_studio: OpenStudio, folder: Path) -> None:
    async with open_studio(text="One two.") as studio:
        shutil.rmtree(folder)
        folder.write_text("a file where the folder was")
        await studio.speak()
        await studio.until(lambda: "cannot record" in studio.text("#failure"))
