"""Jobs, engines, settings, help, palette: every screen, used by its keys."""

from __future__ import annotations

from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from textual.command import CommandList
from textual.screen import ModalScreen
from textual.widgets import DataTable, Input, OptionList
from tts_hub_tui.hubs.interface import Catalogue
from tts_hub_tui.screens.engines import EnginesScreen
from tts_hub_tui.screens.files import SaveAs
from tts_hub_tui.screens.help import HelpScreen
from tts_hub_tui.screens.jobs import JobsScreen
from tts_hub_tui.screens.settings import EditSetting, SettingsScreen
from tts_hub_tui.screens.voices import VoicePicker
from tts_hub_tui.widgets.controls import Controls
from tts_hub_tui.widgets.editor import ScriptEditor
from tts_hub_tui.widgets.keys import KeyBar

from tests.tui.conftest import OpenStudio, RunningStudio, holding
from tests.tui.fetching import Fetching
from tts_hub.config import load_config
from tts_hub.errors import BackendUnavailableError
from tts_hub.testing.fake import FakeBackend, FakeScript

pytestmark = pytest.mark.anyio


@pytest.fixture
def fetching() -> type[Fetching]:
    return type("Fetching", (Fetching,), {})


async def speak(studio: RunningStudio, number: int = 1) -> None:
    await studio.pilot.press("f5")
    await studio.until(lambda: len(studio.queue.jobs) == number and studio.queue.jobs[-1].is_over)


async def open_jobs(studio: RunningStudio) -> DataTable[str]:
    await studio.pilot.press("f3")
    await studio.shows(JobsScreen)
    table = studio.app.screen.query_one(DataTable)
    await studio.until(lambda: table.row_count)
    return table


async def test_what_was_spoken_is_listed_after_a_restart(open_studio: OpenStudio) -> None:
    async with open_studio(text="One two three.") as studio:
        await speak(studio)
    async with open_studio() as studio:
        table = await open_jobs(studio)
        row = [str(cell) for cell in table.get_row_at(0)]
        assert row[1:4] == ["✓ done", "One two three.", "low"]
        assert row[4].startswith("0:0")
        assert row[5].endswith("MB")
        assert row[6].endswith("ms")
        await studio.until(lambda: "14 characters" in studio.text("#details"))


async def test_a_recording_of_an_earlier_time_is_played(open_studio: OpenStudio) -> None:
    async with open_studio(text="One two three.") as studio:
        await speak(studio)
    async with open_studio() as studio:
        await open_jobs(studio)
        await studio.pilot.press("enter")
        await studio.until(lambda: studio.queue.player.state == "playing")
        assert not studio.engine.requests


async def test_it_is_spoken_again_with_the_same_voice(open_studio: OpenStudio) -> None:

    from tts_hub.types import Voice

    async with open_studio(text="One two three.") as studio:
        await studio.main.query_one(Controls).choose_voice(Voice("high", "high", "en"))
        await speak(studio)
    async with open_studio() as studio:
        await open_jobs(studio)
        await studio.pilot.press("r")
        await studio.until(lambda: studio.engine.requests)
        assert studio.engine.requests[0].text == "One two three."
        assert studio.engine.requests[0].voice.id == "high"


async def test_an_earlier_text_is_taken_back_into_the_editor(open_studio: OpenStudio) -> None:
    async with open_studio(text="One two three.") as studio:
        await speak(studio)
    async with open_studio() as studio:
        await open_jobs(studio)
        await studio.pilot.press("t")
        await studio.until(lambda: studio.main.query_one(ScriptEditor).text == "One two three.")


async def test_an_earlier_recording_is_exported(open_studio: OpenStudio, tmp_path: Path) -> None:
    async with open_studio(text="One two three.") as studio:
        await speak(studio)
    async with open_studio() as studio:
        await open_jobs(studio)
        await studio.pilot.press("e")
        await studio.shows(SaveAs)
        studio.app.screen.query_one(Input).value = str(tmp_path / "old.wav")
        await studio.pilot.press("ctrl+s")
        await studio.until(lambda: (tmp_path / "old.wav").exists())


async def test_what_is_deleted_is_gone_from_the_disk(open_studio: OpenStudio, folder: Path) -> None:
    async with open_studio(text="One two three.") as studio:
        await speak(studio)
        assert list(folder.glob("*.pcm"))
        table = await open_jobs(studio)
        await studio.pilot.press("d")
        await studio.until(lambda: table.row_count == 0)
        assert not list(folder.glob("*.pcm"))
        assert not list(folder.glob("*.json"))


async def test_a_recording_that_was_deleted_by_hand_is_reported(
    open_studio: OpenStudio, folder: Path
) -> None:
    async with open_studio(text="One two three.") as studio:
        await speak(studio)
    for file in folder.glob("*.pcm"):
        file.unlink()
    async with open_studio() as studio:
        await open_jobs(studio)
        await studio.pilot.press("enter")
        await studio.until(lambda: "gone" in studio.notes)


async def test_history_is_searched(open_studio: OpenStudio) -> None:
    async with open_studio(text="Apples.") as studio:
        await speak(studio)
        studio.main.query_one(ScriptEditor).load("Pears.")
        await speak(studio, 2)
        table = await open_jobs(studio)
        await studio.until(lambda: table.row_count == 2)
        await studio.pilot.press("slash", *"PEAR")
        await studio.until(lambda: table.row_count == 1)
        assert str(table.get_row_at(0)[2]) == "Pears."


async def test_what_waits_is_taken_out_of_the_queue(open_studio: OpenStudio) -> None:
    async with open_studio(script=holding(), text="One two three four five six seven.") as studio:
        await studio.pilot.press("f5", "f5")
        await studio.until(lambda: len(studio.queue.jobs) == 2)
        table = await open_jobs(studio)
        await studio.until(lambda: "queued" in str(table.get_row_at(0)[1]))
        await studio.pilot.press("s")
        await studio.until(lambda: studio.queue.jobs[1].state == "stopped")
        assert studio.queue.jobs[0].state == "speaking"


async def test_the_oldest_recordings_go_where_there_are_too_many(
    open_studio: OpenStudio, folder: Path
) -> None:
    from tts_hub.config import StudioConfig

    async with open_studio(text="One two three.", settings=StudioConfig(keep_megabytes=0)) as studio:
        await speak(studio)
        await speak(studio, 2)
        assert len(list(folder.glob("*.pcm"))) == 1
        assert len(studio.app.studio.history.entries()) == 2


async def test_a_model_is_pulled_with_progress(open_studio: OpenStudio, fetching: type[Fetching]) -> None:
    fetching.hold_at = 3
    async with open_studio(fetching(name="fetching", priority=1)) as studio:
        await studio.pilot.press("f4")
        await studio.shows(EnginesScreen)
        await studio.until(lambda: studio.app.screen.query_one(DataTable).row_count)
        assert "missing" in [str(cell) for cell in studio.app.screen.query_one(DataTable).get_row_at(0)]
        await studio.pilot.press("p")
        await studio.until(lambda: " of 5 MB" in studio.text("#pull-text"))
        fetching.hold_at = None
        await studio.until(lambda: "fetching is here" in studio.text("#pull-text"))
        await studio.until(
            lambda: "here" in [str(c) for c in studio.app.screen.query_one(DataTable).get_row_at(0)]
        )


async def test_pulling_is_stopped(open_studio: OpenStudio, fetching: type[Fetching]) -> None:
    fetching.hold_at = 3
    async with open_studio(fetching(name="fetching", priority=1)) as studio:
        await studio.pilot.press("f4")
        await studio.shows(EnginesScreen)
        await studio.until(lambda: studio.app.screen.query_one(DataTable).row_count)
        await studio.pilot.press("p")
        await studio.until(lambda: fetching.stopped_at)
        await studio.pilot.press("s")
        await studio.until(lambda: "stopped" in studio.text("#pull-text"))
        assert not fetching.here


async def test_a_pull_continues_when_its_screen_is_left(
    open_studio: OpenStudio, fetching: type[Fetching]
) -> None:
    fetching.hold_at = 3
    async with open_studio(fetching(name="fetching", priority=1)) as studio:
        await studio.pilot.press("f4")
        await studio.shows(EnginesScreen)
        await studio.until(lambda: studio.app.screen.query_one(DataTable).row_count)
        await studio.pilot.press("p")
        await studio.until(lambda: fetching.stopped_at)
        await studio.pilot.press("escape")
        await studio.until(lambda: studio.app.screen is studio.main)
        fetching.hold_at = None
        await studio.until(lambda: "fetching is here" in studio.notes)
        assert fetching.here


async def test_a_history_that_is_lost_does_not_end_the_studio(open_studio: OpenStudio, folder: Path) -> None:
    async with open_studio(text="One two.") as studio:
        await speak(studio)
        (folder / "history.sqlite").unlink()
        (folder / "history.sqlite").mkdir()
        await speak(studio, 2)
        await studio.until(lambda: "cannot use the history" in studio.notes)
        assert studio.queue.jobs[1].state == "done"
        await studio.pilot.press("f3")
        await studio.shows(JobsScreen)
        await studio.pilot.press("escape", "f2", "escape", "ctrl+s")
        await studio.shows(SaveAs)


async def test_a_disk_that_refuses_is_reported(open_studio: OpenStudio, folder: Path) -> None:
    async with open_studio(text="One two.") as studio:
        import shutil

        shutil.rmtree(folder)
        folder.write_text("a file where the folder was")
        await speak(studio)
        await studio.until(lambda: "cannot record" in studio.text("#failure"))


async def test_a_pull_that_fails_is_shown_with_its_remedy(
    open_studio: OpenStudio, fetching: type[Fetching]
) -> None:
    fetching.error = BackendUnavailableError("no network", backend="fetching", remedy="export HF_TOKEN=…")
    async with open_studio(fetching(name="fetching", priority=1)) as studio:
        await studio.pilot.press("f4")
        await studio.shows(EnginesScreen)
        await studio.until(lambda: studio.app.screen.query_one(DataTable).row_count)
        await studio.pilot.press("p")
        await studio.until(lambda: "no network. To fix: export HF_TOKEN" in studio.text("#pull-text"))


async def test_a_setting_is_written_with_the_comments_kept(open_studio: OpenStudio) -> None:
    file = Path("config.toml")
    file.write_text('# mine\n[audio]\n# loud enough\nresponse_format = "mp3"  # small\n', encoding="utf-8")
    async with open_studio() as studio:
        await studio.pilot.press("f9")
        await studio.shows(SettingsScreen)
        await studio.pilot.press("slash", *"response_format", "enter")
        await studio.until(lambda: studio.app.screen.query_one(DataTable).row_count == 1)
        await studio.pilot.press("enter")
        await studio.shows(EditSetting)
        field = studio.app.screen.query_one(Input)
        field.value = "loud"
        await studio.pilot.press("enter")
        await studio.until(lambda: "loud" in studio.text("FieldError"))
        field.value = "flac"
        await studio.pilot.press("enter")
        await studio.until(lambda: "Written to" in studio.notes)
    assert file.read_text(encoding="utf-8") == (
        '# mine\n[audio]\n# loud enough\nresponse_format = "flac"  # small\n'
    )


async def test_a_theme_that_is_set_counts_at_once(open_studio: OpenStudio, away_from_home: Path) -> None:
    async with open_studio() as studio:
        await studio.pilot.press("f9")
        await studio.shows(SettingsScreen)
        await studio.pilot.press("slash", *"studio.theme", "enter", "enter")
        await studio.shows(EditSetting)
        studio.app.screen.query_one(Input).value = "textual-light"
        await studio.pilot.press("enter")
        await studio.until(lambda: studio.app.theme == "textual-light")
    assert 'theme = "textual-light"' in (away_from_home / ".config/tts-hub/config.toml").read_text()


async def test_help_names_every_key(open_studio: OpenStudio) -> None:
    async with open_studio() as studio:
        await studio.pilot.press("f1")
        await studio.shows(HelpScreen)
        await studio.pilot.press("escape")
        await studio.until(lambda: studio.app.screen is studio.main)


async def test_the_palette_finds_a_command(open_studio: OpenStudio) -> None:
    async with open_studio(text="One two.") as studio:
        await studio.pilot.press("ctrl+p")
        await studio.pilot.press(*"Speak")
        found = studio.app.screen.query_one(CommandList)
        await studio.until(lambda: found.option_count and "Speak" in str(found.get_option_at_index(0).prompt))
        await studio.pilot.press("enter")
        await studio.until(lambda: studio.engine.requests)


async def test_light_and_dark(open_studio: OpenStudio) -> None:
    async with open_studio() as studio:
        assert studio.app.current_theme.dark
        await studio.pilot.press("f10")
        await studio.until(lambda: not studio.app.current_theme.dark)
        await studio.pilot.press("f10")
        await studio.until(lambda: studio.app.current_theme.dark)


async def test_a_theme_that_was_switched_is_there_at_the_next_start(
    open_studio: OpenStudio, away_from_home: Path
) -> None:
    file = away_from_home / ".config/tts-hub/config.toml"
    async with open_studio() as studio:
        assert not file.exists()
        await studio.pilot.press("f10")
        await studio.until(file.exists)
    assert load_config().config.studio.theme == "textual-light"


@pytest.mark.parametrize("size", [(80, 24), (60, 20), (40, 12), (20, 5), (200, 60)])
async def test_it_takes_any_size_while_it_speaks(open_studio: OpenStudio, size: tuple[int, int]) -> None:
    async with open_studio(script=FakeScript(chunk_delay=0.03), text="One two three. Four five.") as studio:
        await studio.pilot.press("f5")
        await studio.until(lambda: studio.queue.player.position > 0.1)
        await studio.pilot.resize_terminal(*size)
        await studio.until(lambda: studio.queue.jobs[0].state == "done")
        await studio.pilot.resize_terminal(100, 30)
        await studio.until(lambda: "spoken" in studio.text("#progress"))


async def test_a_long_text_is_played_at_once_and_generated_no_further_than_needed(
    open_studio: OpenStudio,
) -> None:
    from tts_hub.config import StudioConfig

    text = "One two three four five six seven eight. " * 25_000
    async with open_studio(text=text, settings=StudioConfig(ahead_seconds=20)) as studio:
        await studio.pilot.press("f5")
        await studio.until(lambda: studio.queue.player.position > 0.2)
        await studio.pilot.pause(1.0)
        recording = studio.queue.jobs[0].recording
        assert recording is not None
        assert recording.seconds < 60
        await studio.until(lambda: "generating segment" in studio.text("#progress"))
        await studio.pilot.press("f7")
        await studio.until(lambda: studio.queue.jobs[0].state == "stopped")


async def test_overlong_lines_are_broken_with_a_notice(open_studio: OpenStudio) -> None:
    async with open_studio() as studio:
        editor = studio.main.query_one(ScriptEditor)
        text = "A sentence of words. " * 1_000
        editor.load(text)
        await studio.until(lambda: "broken after sentences" in studio.notes)
        assert max(len(line) for line in editor.text.splitlines()) <= 4_000
        assert editor.text.split() == text.split()
        assert all(line.rstrip().endswith(".") for line in editor.text.splitlines())


async def test_leaving_while_the_engines_are_listed_is_no_error(
    open_studio: OpenStudio, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def shown_too_late(controls: Controls, catalogue: Catalogue) -> None:
        while controls.query("#engine-error"):
            await anyio.lowlevel.checkpoint()
        controls.query_one("#engine-error")

    async with open_studio(text="One.") as studio:
        monkeypatch.setattr(Controls, "show_catalogue", shown_too_late)
        studio.app.studio.engines.refresh()
        await studio.pilot.pause(0)


async def test_what_looks_like_markup_is_text(open_studio: OpenStudio) -> None:
    nasty = "\\[/b] hello [red]"
    async with open_studio(FakeBackend(name="fake[/b]", priority=1), text=nasty) as studio:
        await speak(studio)
        table = await open_jobs(studio)
        assert str(table.get_row_at(0)[2]) == nasty
        await studio.pilot.press("escape", "f2")
        await studio.shows(VoicePicker)
        await studio.pilot.press(*"[/b]")
        found = studio.app.screen.query_one(OptionList)
        await studio.until(lambda: "no voice for “[/b]”" in str(found.get_option_at_index(0).prompt))
        await studio.pilot.press("escape", "f4")
        await studio.shows(EnginesScreen)


@pytest.mark.parametrize("path", ["", "~nosuch/x", "x" * 400, "no/such/folder/x.mp3"])
@pytest.mark.parametrize("key", ["ctrl+s", "ctrl+o"])
async def test_a_path_that_is_invalid_keeps_the_dialog_open(
    open_studio: OpenStudio, path: str, key: str
) -> None:
    async with open_studio(text="One.") as studio:
        await speak(studio)
        await studio.pilot.press(key)
        await studio.shows(ModalScreen)
        studio.app.screen.query_one(Input).value = path
        await studio.pilot.press("enter")
        await studio.pilot.pause(0.1)
        assert isinstance(studio.app.screen, ModalScreen)


async def test_a_new_text_after_a_pause_is_spoken(open_studio: OpenStudio) -> None:
    from tts_hub.config import StudioConfig

    text = "One two three four five six seven eight. " * 100
    async with open_studio(text=text, settings=StudioConfig(ahead_seconds=1)) as studio:
        await studio.pilot.press("f5")
        await studio.until(lambda: studio.queue.player.position > 0.2)
        await studio.pilot.press("f6")
        studio.main.query_one(ScriptEditor).load("Another.")
        await studio.pilot.press("f5")
        await studio.until(lambda: len(studio.queue.jobs) == 2 and studio.queue.jobs[1].state == "done")


async def test_at_80_columns_all_keys_are_named(open_studio: OpenStudio) -> None:
    async with open_studio(size=(80, 24), text="One two three.") as studio:
        keys = studio.main.query_one(KeyBar)
        await studio.until(lambda: keys.region.height == 2)
        drawn = "".join(keys.render_line(y).text for y in range(2))
        assert all(name in drawn for name in ("F1 Help", "F4 Engines", "F9 Settings", "^q Quit"))


async def test_a_table_of_settings_has_each_of_its_entries_once(open_studio: OpenStudio) -> None:
    async with open_studio() as studio:
        await studio.pilot.press("f9")
        await studio.shows(SettingsScreen)
        table = studio.app.screen.query_one(DataTable)
        await studio.until(lambda: table.row_count)
        rows = [tuple(map(str, table.get_row_at(row)))[:2] for row in range(table.row_count)]
        assert ("aliases", "3 below") in rows
        assert ("aliases.tts-1", "auto") in rows
