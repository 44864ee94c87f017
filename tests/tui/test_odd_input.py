"""Control characters, endless files, servers that never answer, devices that are unplugged."""

from __future__ import annotations

import os
from pathlib import Path

import anyio
import pytest
from textual import events
from textual.widgets import Select, Static
from tts_hub_tui.hubs import watch
from tts_hub_tui.hubs.interface import Catalogue
from tts_hub_tui.screens.engines import EnginesScreen
from tts_hub_tui.storage import text_file
from tts_hub_tui.widgets.controls import Controls
from tts_hub_tui.widgets.editor import ScriptEditor
from tts_hub_tui.widgets.options import OptionRow

from tests.tui.conftest import OpenStudio, RunningStudio
from tests.waiting import WITHIN
from tts_hub.errors import InvalidTextError
from tts_hub.testing.fake import FakeBackend, FakeScript

pytestmark = pytest.mark.anyio

NASTY = "a\x1b]0;owned\x07b\x9b31mc\x00"


def drawn(studio: RunningStudio) -> str:
    """The text that the screen would send to a terminal, without Textual's own sequences."""
    screen = studio.app.screen
    strips = screen._compositor.render_strips()
    return "".join(segment.text for strip in strips for segment in strip)


async def test_no_control_character_reaches_the_terminal(open_studio: OpenStudio) -> None:
    async with open_studio(FakeBackend(name=f"fake{NASTY}", priority=1)) as studio:
        studio.main.query_one("#title", Static).update(NASTY)
        studio.app.notify(NASTY, title=NASTY, markup=False)
        await studio.until(lambda: "a]0;ownedb31mc" in drawn(studio))
        shown = drawn(studio)
        assert not [char for char in shown if ord(char) < 32 or 127 <= ord(char) < 160]
        await studio.pilot.press("f4")
        await studio.shows(EnginesScreen)
        await studio.until(lambda: "ownedb31mc" in drawn(studio))
        assert "\x1b" not in drawn(studio)


async def test_control_characters_of_a_text_are_left_out_with_a_notice(open_studio: OpenStudio) -> None:
    async with open_studio(text="") as studio:
        editor = studio.main.query_one(ScriptEditor)
        studio.app.post_message(events.Paste(f"one\ttwo\n{NASTY}"))
        await studio.until(lambda: editor.text == "one\ttwo\na]0;ownedb31mc")
        await studio.until(lambda: "4 control characters were left out" in studio.notes)


async def test_a_text_that_was_just_pasted_is_spoken(open_studio: OpenStudio) -> None:
    async with open_studio() as studio:
        editor = studio.main.query_one(ScriptEditor)
        studio.app.post_message(events.Paste("Just pasted."))
        await studio.pilot.press("f5")
        await studio.until(lambda: [job.text for job in studio.queue.jobs] == ["Just pasted."])
        await studio.until(lambda: studio.queue.player.state == "playing")
        await studio.until(lambda: editor._spoken is not None)


async def test_loading_a_text_can_be_undone(open_studio: OpenStudio) -> None:
    async with open_studio(text="What I wrote.") as studio:
        editor = studio.main.query_one(ScriptEditor)
        editor.load("Another.")
        await studio.pilot.press("ctrl+z")
        await studio.until(lambda: editor.text == "What I wrote.")


@pytest.mark.skipif(os.name != "posix", reason="devices and pipes are files there only")
async def test_devices_and_pipes_are_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (Path("/dev/zero"), tmp_path / "pipe", tmp_path):
        with pytest.raises(InvalidTextError, match="not a file"), anyio.fail_after(WITHIN):
            await text_file.read_text(path)


async def test_a_file_that_is_too_long_is_read_no_further(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_file, "MAX_BYTES", 1000)
    (tmp_path / "long.txt").write_text("x" * 1001)
    with pytest.raises(InvalidTextError, match="too long"):
        await text_file.read_text(tmp_path / "long.txt")


async def test_a_slow_hub_is_waited_for_and_a_silent_one_is_reported(
    open_studio: OpenStudio, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_studio() as studio:
        hub, controls = studio.app.studio.hub, studio.main.query_one(Controls)
        quick = hub.catalogue

        async def slow() -> Catalogue:
            await anyio.sleep(2.5)
            found = await quick()
            return Catalogue(found.engines, None)

        monkeypatch.setattr(hub, "catalogue", slow)
        await studio.until(lambda: controls.engine is None)

        async def silent() -> Catalogue:
            await anyio.sleep_forever()
            raise AssertionError

        monkeypatch.setattr(hub, "catalogue", silent)
        monkeypatch.setattr(watch, "TIMEOUT", 0.2)
        await studio.until(lambda: "has not answered" in studio.text("#engine-error"))


async def test_options_stay_while_the_engines_change(open_studio: OpenStudio) -> None:
    async with open_studio(FakeBackend(priority=1), FakeBackend(name="other")) as studio:
        controls = studio.main.query_one(Controls)
        await controls.choose_engine("fake")
        rows = list(controls.query(OptionRow))
        assert rows
        field = rows[0].query_one(".value")
        before = studio.app.studio.engines.catalogue
        await controls.show_catalogue(Catalogue(before.engines, before.auto, ("a problem",)))
        assert rows[0].query_one(".value") is field


async def test_an_open_list_of_engines_is_left_alone(open_studio: OpenStudio) -> None:
    async with open_studio(FakeBackend(priority=1), FakeBackend(name="other")) as studio:
        controls = studio.main.query_one(Controls)
        select = controls.query_one("#engine", Select)
        select.expanded = True
        before = studio.app.studio.engines.catalogue
        await studio.pilot.press("down")
        calls: list[object] = []
        select.set_options = calls.append  # type: ignore[assignment, method-assign]
        await controls.show_catalogue(Catalogue(before.engines, before.auto, ("a problem",)))
        assert not calls


async def test_a_loudspeaker_that_is_unplugged_is_reported(open_studio: OpenStudio) -> None:
    async with open_studio(text="One.") as studio:
        studio.queue.player.go_silent("the audio device was disconnected")
        await studio.until(lambda: "the audio device was disconnected" in studio.text("#title"))
        await studio.until(lambda: "the audio device was disconnected" in studio.notes)


async def test_buttons_stay_in_sight_whatever_an_engine_lacks(open_studio: OpenStudio) -> None:
    script = FakeScript(ready=False, reason="its files are missing " * 20, remedy="tts-hub models pull fake")
    async with open_studio(FakeBackend(script=script, priority=1), has_engine=False, size=(80, 24)) as studio:
        controls = studio.main.query_one(Controls)
        await controls.choose_engine("fake")
        await studio.until(lambda: "To fix: tts-hub models pull fake" in studio.text("#engine-error"))
        await studio.until(lambda: controls.query_one("#speak").region.bottom)
        assert controls.query_one("#speak").region.bottom <= controls.region.bottom
        assert "Speak" in drawn(studio).split("F1")[0]
