"""Settings, help, palette, themes, sizes: every screen, used by its keys."""

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
from tts_hub_tui.screens.help import HelpScreen
from tts_hub_tui.screens.settings import EditSetting, SettingsScreen
from tts_hub_tui.screens.voices import VoicePicker
from tts_hub_tui.widgets.controls import Controls
from tts_hub_tui.widgets.editor import ScriptEditor
from tts_hub_tui.widgets.keys import KeyBar

from tests.tui.conftest import OpenStudio
from tts_hub.config import StudioConfig
from tts_hub.config_file.loading import load_config
from tts_hub.testing.fake import FakeBackend, FakeScript

pytestmark = pytest.mark.anyio


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
        await studio.speak()
        table = await studio.open_jobs()
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
        await studio.speak()
        await studio.pilot.press(key)
        await studio.shows(ModalScreen)
        studio.app.screen.query_one(Input).value = path
        await studio.pilot.press("enter")
        await studio.pilot.pause(0.1)
        assert isinstance(studio.app.screen, ModalScreen)


async def test_a_new_text_after_a_pause_is_spoken(open_studio: OpenStudio) -> None:
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
