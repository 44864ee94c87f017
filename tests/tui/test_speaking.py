"""Writing, speaking, pausing, stopping, replaying and saving."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from textual.widgets import Input
from tts_hub_tui.screens.files import OpenFile, SaveAs
from tts_hub_tui.screens.help import HelpScreen
from tts_hub_tui.widgets.editor import ScriptEditor

from tests.audio.decoding import decode
from tests.tui.conftest import OpenStudio, RunningStudio, holding, long_words
from tts_hub.errors import BackendUnavailableError
from tts_hub.testing.fake import FakeBackend, FakeScript

pytestmark = pytest.mark.anyio
SENTENCES = "One two three four. Five six seven eight. Nine ten eleven twelve."


async def spoken(studio: RunningStudio) -> None:
    """Wait until the last job is over."""
    await studio.until(lambda: studio.queue.jobs and studio.queue.jobs[-1].is_over)


async def test_a_newcomer_types_and_speaks(open_studio: OpenStudio) -> None:
    async with open_studio() as studio:
        await studio.pilot.press(*"Hello", "space", *"there")
        await studio.pilot.press("f5")
        await studio.until(lambda: studio.queue.jobs and studio.queue.jobs[0].state == "done")
        await studio.until(lambda: studio.queue.player.state == "idle")
        assert [request.text for request in studio.engine.requests] == ["Hello there"]
        assert "0:00." in studio.text("#clock")
        assert "spoken" in studio.text("#progress")
        assert "first audio" in studio.text("#progress")


async def test_it_plays_while_it_generates(open_studio: OpenStudio) -> None:
    async with open_studio(script=holding(), text=SENTENCES) as studio:
        await studio.pilot.press("f5")
        await studio.until(lambda: studio.queue.player.position > 0.2)
        assert studio.queue.jobs[0].state == "speaking"
        await studio.until(lambda: "segment" in studio.text("#progress"))


async def test_the_spoken_word_is_marked_in_the_text(open_studio: OpenStudio) -> None:
    slow = FakeScript(seconds_per_word=1.0)
    async with open_studio(script=slow, text="\n\n" + SENTENCES) as studio:
        editor = studio.main.query_one(ScriptEditor)
        await studio.pilot.press("f5")

        def marked() -> str:
            line = editor.get_line(2)
            return "".join(line.plain[span.start : span.end] for span in line.spans)

        await studio.until(lambda: marked() == "two")
        await studio.until(lambda: marked() == "six")
        await studio.pilot.press("f7")
        await studio.until(lambda: marked() == "")


async def test_what_is_written_meanwhile_is_not_marked(open_studio: OpenStudio) -> None:
    async with open_studio(script=long_words(), text=SENTENCES) as studio:
        await studio.pilot.press("f5")
        await studio.until(lambda: studio.queue.player.position > 0.3)
        await studio.pilot.press("x")
        await studio.until(lambda: not studio.main.query_one(ScriptEditor).get_line(0).spans)
        assert studio.queue.player.state == "playing"


async def test_stop_stops_the_engine_at_once(open_studio: OpenStudio) -> None:
    async with open_studio(script=holding(), text=SENTENCES) as studio:
        await studio.pilot.press("f5")
        await studio.until(lambda: studio.queue.player.position > 0.1)
        await studio.pilot.press("f7")
        await studio.until(lambda: studio.queue.jobs[0].state == "stopped")
        assert studio.engine.cancelled
        assert studio.engine.active == 0
        assert studio.queue.player.state == "idle"


@pytest.mark.parametrize("keys", [["ctrl+c"], ["tab", "ctrl+c"]], ids=["in the text", "elsewhere"])
async def test_ctrl_c_stops_what_runs_and_then_shows_how_to_leave(
    open_studio: OpenStudio, keys: list[str]
) -> None:
    async with open_studio(script=holding(), text=SENTENCES) as studio:
        await studio.pilot.press("f5")
        await studio.until(lambda: studio.queue.player.position > 0.1)
        await studio.pilot.press(*keys)
        await studio.until(lambda: studio.queue.jobs[0].state == "stopped")
        await studio.pilot.press("ctrl+c")
        await studio.until(lambda: "Ctrl+Q" in studio.notes)


async def test_pause_holds_the_sound_and_continues(open_studio: OpenStudio) -> None:
    async with open_studio(script=long_words(), text=SENTENCES) as studio:
        player = studio.queue.player
        await studio.pilot.press("f5")
        await studio.until(lambda: player.position > 0.2)
        await studio.pilot.press("f6")
        await studio.until(lambda: player.state == "paused")
        await studio.pilot.pause(0.2)
        held = player.position
        await studio.pilot.pause(0.3)
        assert player.position == held
        await studio.pilot.press("f6")
        await studio.until(lambda: player.position > held + 0.1)


async def test_replay_needs_no_engine(open_studio: OpenStudio) -> None:
    async with open_studio(text="One two.") as studio:
        await studio.pilot.press("f5")
        await spoken(studio)
        await studio.until(lambda: studio.queue.player.state == "idle")
        await studio.pilot.press("f8")
        await studio.until(lambda: studio.queue.player.state == "playing")
        assert len(studio.engine.requests) == 1


@pytest.mark.parametrize("name", ["speech.mp3", "speech.flac", "speech.wav", "speech.opus"])
async def test_save_writes_audio_and_captions(open_studio: OpenStudio, tmp_path: Path, name: str) -> None:
    async with open_studio(text=SENTENCES) as studio:
        await studio.pilot.press("f5")
        await spoken(studio)
        await studio.pilot.press("ctrl+s")
        await studio.shows(SaveAs)
        studio.app.screen.query_one(Input).value = str(tmp_path / name)
        await studio.pilot.click("#srt")
        await studio.pilot.click("#json")
        await studio.pilot.press("ctrl+s")
        await studio.until(lambda: "Saved" in studio.notes)
        recording = studio.queue.jobs[0].recording
        assert recording is not None
        samples, rate = decode(tmp_path / name)
        assert abs(len(samples) / rate - recording.seconds) < 0.1
    words = json.loads((tmp_path / name).with_suffix(".json").read_text())["words"]
    assert [word["text"].strip(".") for word in words] == SENTENCES.replace(".", "").split()
    assert "00:00:0" in (tmp_path / name).with_suffix(".srt").read_text()


async def test_saving_during_generation_waits_for_all_of_it(open_studio: OpenStudio, tmp_path: Path) -> None:
    script = holding(5)
    async with open_studio(script=script, text=SENTENCES) as studio:
        await studio.pilot.press("f5")
        await studio.until(lambda: studio.queue.player.position > 0.1)
        await studio.pilot.press("ctrl+s")
        await studio.shows(SaveAs)
        studio.app.screen.query_one(Input).value = str(tmp_path / "all.wav")
        await studio.pilot.press("ctrl+s")
        assert not studio.queue.jobs[0].is_over
        script.hold_at = None
        await studio.until(lambda: "Saved" in studio.notes)
        assert studio.queue.jobs[0].state == "done"
        whole = studio.queue.jobs[0].recording
        assert whole is not None
        assert (tmp_path / "all.wav").stat().st_size == 44 + whole.bytes


async def test_a_file_is_only_replaced_on_the_second_attempt(open_studio: OpenStudio, tmp_path: Path) -> None:
    (tmp_path / "there.wav").write_bytes(b"mine")
    async with open_studio(text="One two.") as studio:
        await studio.pilot.press("f5")
        await spoken(studio)
        await studio.pilot.press("ctrl+s")
        await studio.shows(SaveAs)
        studio.app.screen.query_one(Input).value = str(tmp_path / "there.wav")
        await studio.pilot.press("ctrl+s")
        await studio.until(lambda: "already" in studio.text("FieldError"))
        assert (tmp_path / "there.wav").read_bytes() == b"mine"
        await studio.pilot.press("ctrl+s")
        await studio.until(lambda: "Saved" in studio.notes)
        assert (tmp_path / "there.wav").read_bytes()[:4] == b"RIFF"


async def test_a_folder_that_cannot_be_written_to_is_reported(
    open_studio: OpenStudio, tmp_path: Path
) -> None:
    async with open_studio(text="One two.") as studio:
        await studio.pilot.press("f5")
        await spoken(studio)
        await studio.pilot.press("ctrl+s")
        await studio.shows(SaveAs)
        studio.app.screen.query_one(Input).value = "/proc/nothing.wav"
        await studio.pilot.press("ctrl+s")
        await studio.until(lambda: "cannot write" in studio.notes)


async def test_texts_are_spoken_one_after_the_other(open_studio: OpenStudio) -> None:
    script = FakeScript(hold_at=5)
    async with open_studio(script=script, text="One two three.") as studio:
        await studio.pilot.press("f5", "f5")
        await studio.until(lambda: "1 waiting" in studio.text("#progress"))
        script.hold_at = None
        await studio.until(lambda: [job.state for job in studio.queue.jobs] == ["done", "done"])
        first, second = studio.queue.jobs
        await studio.until(lambda: studio.queue.player.recording is second.recording)
        assert first.recording is not second.recording


async def test_an_engine_that_fails_in_the_middle_is_reported_and_its_audio_is_kept(
    open_studio: OpenStudio, tmp_path: Path
) -> None:
    script = FakeScript(fail_at={1: 2})
    async with open_studio(script=script, text=SENTENCES) as studio:
        await studio.pilot.press("f5")
        await spoken(studio)
        job = studio.queue.jobs[0]
        assert job.state == "failed"
        await studio.until(lambda: "The speech failed" in studio.notes)
        await studio.until(lambda: "✗" in studio.text("#failure"))
        assert job.recording is not None
        assert job.recording.seconds > 1.0
        script.fail_at = {}
        await studio.pilot.press("f5")
        await studio.until(lambda: studio.queue.jobs[-1].state == "done")


async def test_another_engine_continues_with_a_warning(open_studio: OpenStudio) -> None:
    from tts_hub.config import Config

    failing = FakeBackend(name="first", script=FakeScript(fail_at={1: 0}), priority=2)
    standby = FakeBackend(name="second", priority=1)
    async with open_studio(failing, standby, config=Config(fallback=("second",)), text=SENTENCES) as studio:
        await studio.pilot.press("f5")
        await spoken(studio)
        assert studio.queue.jobs[0].state == "done"
        await studio.until(lambda: "continuing with second" in studio.text("#warning"))


async def test_no_engine_at_all(open_studio: OpenStudio) -> None:
    script = FakeScript(ready=False, reason="its files are missing", remedy="tts-hub models pull it")
    async with open_studio(FakeBackend(script=script), text="One.", has_engine=False) as studio:
        await studio.until(lambda: "no engine is ready" in studio.text("#engine-error"))
        await studio.pilot.press("f5")
        await studio.until(lambda: "no engine is ready to speak" in studio.notes)


async def test_the_remedy_stands_beside_the_error(open_studio: OpenStudio) -> None:
    error = BackendUnavailableError("the files are gone", backend="fake", remedy="tts-hub models pull fake")
    async with open_studio(script=FakeScript(load_error=error), text="One.") as studio:
        await studio.pilot.press("f5")
        await studio.until(lambda: "To fix: tts-hub models pull fake" in studio.text("#failure"))


async def test_nothing_to_speak_is_reported(open_studio: OpenStudio) -> None:
    async with open_studio(text=" \n ") as studio:
        await studio.pilot.press("f5")
        await studio.until(lambda: "nothing to speak" in studio.notes)
        await studio.pilot.press("ctrl+s")
        await studio.until(lambda: "nothing to save" in studio.notes)


async def test_a_file_is_opened(open_studio: OpenStudio, tmp_path: Path) -> None:
    (tmp_path / "story.txt").write_text("Es war einmal.", encoding="utf-8")
    async with open_studio() as studio:
        await studio.pilot.press("ctrl+o")
        await studio.shows(OpenFile)
        studio.app.screen.query_one(Input).value = str(tmp_path / "story.txt")
        await studio.pilot.press("enter")
        await studio.until(lambda: studio.main.query_one(ScriptEditor).text == "Es war einmal.")


async def test_a_file_that_is_no_text_is_refused(open_studio: OpenStudio, tmp_path: Path) -> None:
    (tmp_path / "noise.bin").write_bytes(bytes(range(256)))
    async with open_studio(text="Mine.") as studio:
        await studio.pilot.press("ctrl+o")
        await studio.shows(OpenFile)
        studio.app.screen.query_one(Input).value = str(tmp_path / "noise.bin")
        await studio.pilot.press("enter")
        await studio.until(lambda: "not UTF-8" in studio.notes)
        assert studio.main.query_one(ScriptEditor).text == "Mine."


async def test_the_estimate_follows_the_text(open_studio: OpenStudio) -> None:
    async with open_studio(text="One two three.") as studio:
        await studio.until(lambda: "14 characters · about 1 s of speech · free" in studio.text("#estimate"))


async def test_all_of_it_works_with_the_mouse(open_studio: OpenStudio) -> None:
    async with open_studio(text=SENTENCES) as studio:
        await studio.pilot.click("#speak")
        await spoken(studio)
        await studio.until(lambda: studio.main.query_one("#waveform").region.width > 60)
        await studio.pilot.click("#waveform", offset=(60, 0))
        player, recording = studio.queue.player, studio.queue.jobs[0].recording
        assert recording is not None
        await studio.until(lambda: player.position > recording.seconds * 0.5)
        await studio.pilot.click("#voice")
        await studio.until(lambda: len(studio.app.screen_stack) == 3)
        await studio.pilot.press("escape")
        await studio.pilot.click("#save")
        await studio.shows(SaveAs)


async def test_a_click_on_a_key_does_what_the_key_does(open_studio: OpenStudio) -> None:
    async with open_studio(text=SENTENCES) as studio:
        await studio.pilot.click("#keys", offset=(10, 0))
        await studio.until(lambda: studio.engine.requests)
        await studio.pilot.click("#keys", offset=(1, 0))
        await studio.shows(HelpScreen)
