"""Stop, pause and save while several jobs are in the queue."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from tts_hub_tui.jobs.job import Export, Job
from tts_hub_tui.screens.files import SaveAs
from tts_hub_tui.screens.unsaved import LeaveUnsaved
from tts_hub_tui.storage.recording import Recording

from tests.tui.conftest import OpenStudio, RunningStudio, holding, long_words
from tts_hub.config import StudioConfig
from tts_hub.request.stream import AudioStream
from tts_hub.testing.fake import FakeScript

pytestmark = pytest.mark.anyio

TEXT = "One two three four five six seven eight. " * 3


async def play_one_while_the_next_is_generated(studio: RunningStudio, script: FakeScript) -> None:
    queue = studio.queue
    await studio.pilot.press("f5")
    await studio.until(lambda: queue.jobs and queue.jobs[0].is_over and queue.player.state == "playing")
    script.hold_at = 5
    await studio.pilot.press("f5")
    await studio.until(lambda: len(queue.jobs) == 2 and queue.jobs[1].recording)


async def test_stop_silences_all_and_pause_continues_with_the_queue(open_studio: OpenStudio) -> None:
    async with open_studio(script=holding(), text=TEXT) as studio:
        queue = studio.queue
        await studio.pilot.press("f5", "f5", "f5")
        await studio.until(lambda: len(queue.jobs) == 3 and queue.player.state == "playing")
        await studio.pilot.press("f7")
        await studio.until(lambda: queue.jobs[0].state == "stopped")
        assert queue.is_held
        await studio.until(lambda: "2 held: F6 continues" in studio.text("#progress"))
        await studio.pilot.pause(0.3)
        assert queue.player.state == "idle"
        assert [job.state for job in queue.jobs[1:]] == ["queued", "queued"]
        await studio.pilot.press("f6")
        await studio.until(lambda: queue.current is queue.jobs[1] and queue.player.state == "playing")


async def test_stop_also_stops_the_engine_that_generates_the_next_text(open_studio: OpenStudio) -> None:
    script = long_words()
    async with open_studio(script=script, text=TEXT) as studio:
        queue = studio.queue
        await play_one_while_the_next_is_generated(studio, script)
        assert queue.current is queue.jobs[0]
        await studio.pilot.press("f7")
        await studio.until(lambda: queue.jobs[1].state == "queued" and not queue.jobs[1].recording)
        script.hold_at = None
        await studio.pilot.press("f6")
        await studio.until(lambda: queue.jobs[1].state == "done")
        recordings = [job.recording for job in queue.jobs if job.recording]
        assert recordings[-1].seconds > 1.0


async def test_a_new_text_goes_before_what_is_held(open_studio: OpenStudio) -> None:
    async with open_studio(script=holding(), text=TEXT) as studio:
        queue = studio.queue
        await studio.pilot.press("f5", "f5")
        await studio.until(lambda: len(queue.jobs) == 2 and queue.player.state == "playing")
        await studio.pilot.press("f7")
        await studio.until(lambda: queue.is_held)
        await studio.pilot.press("f5")
        await studio.until(lambda: len(queue.jobs) == 3 and queue.jobs[2].state == "speaking")
        assert queue.jobs[1].state == "queued"


async def test_what_was_generated_ahead_is_held_too(open_studio: OpenStudio) -> None:
    async with open_studio(script=long_words(), text=TEXT) as studio:
        queue = studio.queue
        await studio.pilot.press("f5", "f5")
        await studio.until(lambda: [job.state for job in queue.jobs] == ["done", "done"])
        await studio.pilot.press("f7")
        await studio.until(lambda: "what is held (1)" in studio.notes)
        assert queue.current is queue.jobs[0]
        await studio.pilot.press("f6")
        await studio.until(lambda: queue.current is queue.jobs[1] and queue.player.state == "playing")


@pytest.mark.parametrize("keys", [["alt+n"], ["f7", "escape"], ["f6"]])
async def test_an_engine_that_stops_slowly(
    open_studio: OpenStudio, monkeypatch: pytest.MonkeyPatch, keys: list[str]
) -> None:
    """A key that is pressed while the engine stops takes effect."""
    close, may_close = AudioStream.aclose, anyio.Event()

    async def slowly(stream: AudioStream) -> None:
        with anyio.CancelScope(shield=True):
            await may_close.wait()
        await close(stream)

    script = long_words()
    async with open_studio(script=script, text=TEXT) as studio:
        queue = studio.queue
        await play_one_while_the_next_is_generated(studio, script)
        monkeypatch.setattr(AudioStream, "aclose", slowly)
        await studio.pilot.press("f7", *keys)
        await studio.until(lambda: "what is held (1)" in studio.notes)
        assert [job.state for job in queue.jobs] == ["done", "speaking"]
        may_close.set()
        if keys == ["f6"]:
            script.hold_at = None
            await studio.until(lambda: queue.current is queue.jobs[1] and queue.player.state == "playing")
        else:
            await studio.until(lambda: queue.jobs[1].state != "speaking")
            await studio.pilot.pause(0.3)
            assert [job.state for job in queue.jobs] == ["done", "stopped" if keys == ["alt+n"] else "queued"]
            assert queue.player.state == "idle"


async def test_a_new_text_is_played_before_what_was_generated_and_held(open_studio: OpenStudio) -> None:
    async with open_studio(script=long_words(), text=TEXT) as studio:
        queue = studio.queue
        await studio.pilot.press("f5", "f5")
        await studio.until(lambda: [job.state for job in queue.jobs] == ["done", "done"])
        await studio.pilot.press("f7", "f5")
        await studio.until(lambda: queue.player.state == "playing")
        assert queue.current is queue.jobs[2]
        await studio.pilot.press("f8", "f7", "f6")
        await studio.until(lambda: queue.current is queue.jobs[1] and queue.player.state == "playing")


async def test_what_is_replayed_can_be_paused_while_others_are_held(open_studio: OpenStudio) -> None:
    async with open_studio(script=holding(), text=TEXT) as studio:
        queue = studio.queue
        await studio.pilot.press("f5", "f5")
        await studio.until(lambda: len(queue.jobs) == 2 and queue.player.state == "playing")
        await studio.pilot.press("f7")
        await studio.until(lambda: queue.jobs[0].state == "stopped")
        await studio.pilot.press("f8", "f6")
        await studio.until(lambda: queue.player.state == "paused" and queue.is_held)


async def test_a_file_of_a_text_that_is_dropped_is_refused(open_studio: OpenStudio, tmp_path: Path) -> None:
    async with open_studio(script=holding(), text=TEXT) as studio:
        queue = studio.queue
        await studio.pilot.press("f5", "f5")
        await studio.until(lambda: len(queue.jobs) == 2 and queue.player.state == "playing")
        queue.export(queue.jobs[1], Export(tmp_path / "never.wav", "wav"))
        await studio.pilot.press("alt+n")
        await studio.until(lambda: "nothing to save" in studio.notes and not queue.unsaved)


async def test_what_is_held_is_dropped(open_studio: OpenStudio) -> None:
    async with open_studio(script=holding(), text=TEXT) as studio:
        queue = studio.queue
        await studio.pilot.press("f5", "f5", "f5")
        await studio.until(lambda: len(queue.jobs) == 3 and queue.player.state == "playing")
        await studio.pilot.press("f7")
        await studio.until(lambda: queue.is_held)
        await studio.pilot.press("alt+n")
        await studio.until(lambda: [job.state for job in queue.jobs] == ["stopped"] * 3)
        assert not queue.is_held
        assert not studio.app.studio.history.count_waiting()


async def test_pause_before_the_first_sound(open_studio: OpenStudio) -> None:
    script = holding(0)
    async with open_studio(script=script, text=TEXT) as studio:
        queue = studio.queue
        await studio.pilot.press("f5")
        await studio.until(lambda: queue.is_busy)
        await studio.pilot.press("f6")
        script.hold_at = None
        await studio.until(lambda: queue.player.state == "paused")
        assert queue.player.position == 0.0
        await studio.pilot.press("f6")
        await studio.until(lambda: queue.player.position > 0.1)


async def test_pause_while_nothing_is_played_pauses_nothing_later(open_studio: OpenStudio) -> None:
    async with open_studio(script=long_words(), text="One.") as studio:
        await studio.pilot.press("f6")
        await studio.until(lambda: "nothing to pause" in studio.notes)
        await studio.pilot.press("f5")
        await studio.until(lambda: studio.queue.player.position > 0.1)


async def test_a_key_that_is_held_down_speaks_once(
    open_studio: OpenStudio, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_studio(script=holding(), text=TEXT) as studio:
        await studio.pilot.press("f5")
        await studio.until(lambda: studio.queue.jobs)
        monkeypatch.setattr("tts_hub_tui.screens.speaking.KEY_REPEAT", 60.0)
        await studio.pilot.press(*["f5"] * 10)
        await studio.pilot.press("x", *["f5"] * 10)
        await studio.until(lambda: len(studio.queue.jobs) > 1)
        await studio.pilot.pause(0.2)
        assert len(studio.queue.jobs) == 2


async def test_a_finished_text_is_saved_while_the_next_is_generated(
    open_studio: OpenStudio, tmp_path: Path
) -> None:
    script = FakeScript()
    async with open_studio(script=script, text="One two three four five.") as studio:
        queue = studio.queue
        await studio.pilot.press("f5")
        await studio.until(lambda: queue.jobs and queue.jobs[0].state == "done")
        script.hold_at = 2
        await studio.pilot.press("f5")
        await studio.until(lambda: len(queue.jobs) == 2 and queue.jobs[1].state == "speaking")
        queue.export(queue.jobs[0], Export(tmp_path / "first.wav", "wav"))
        await studio.until(lambda: "first.wav" in studio.notes)
        assert queue.jobs[1].state == "speaking"


async def test_leaving_waits_for_files_and_lists_them(
    open_studio: OpenStudio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_write, save = anyio.Event(), Recording.save

    def slowly(recording: Recording, path: Path, response_format: str) -> None:
        anyio.from_thread.run(may_write.wait)
        save(recording, path, response_format)

    monkeypatch.setattr(Recording, "save", slowly)
    async with open_studio(text="One two.") as studio:
        queue = studio.queue
        await studio.pilot.press("f5")
        await studio.until(lambda: queue.jobs and queue.jobs[0].state == "done")
        queue.export(queue.jobs[0], Export(tmp_path / "kept.wav", "wav"))
        await studio.until(lambda: "saving kept.wav" in studio.text("#progress"))
        await studio.pilot.press("ctrl+q")
        await studio.shows(LeaveUnsaved)
        assert "kept.wav" in studio.text("#unsaved")
        await studio.pilot.press("escape")
        await studio.until(lambda: studio.app.screen is studio.main)
        await studio.pilot.press("ctrl+q")
        await studio.shows(LeaveUnsaved)
        may_write.set()
        await studio.until(lambda: not studio.app.is_running)
    assert (tmp_path / "kept.wav").stat().st_size > 1000


async def test_an_engine_with_a_bug_does_not_end_the_studio(
    open_studio: OpenStudio, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_studio(text="One two.") as studio:

        async def broken(*_: object) -> None:
            raise KeyError("of the hub")

        monkeypatch.setattr(studio.app.studio.hub, "speak", broken)
        await studio.pilot.press("f5")
        await studio.until(lambda: "an unexpected error" in studio.text("#failure"))
        assert studio.app.is_running


async def test_ctrl_c_stops_the_speech_from_a_dialog_too(open_studio: OpenStudio) -> None:
    async with open_studio(script=holding(), text=TEXT) as studio:
        await studio.pilot.press("f5")
        await studio.until(lambda: studio.queue.player.state == "playing")
        await studio.pilot.press("ctrl+s")
        await studio.shows(SaveAs)
        await studio.pilot.press("ctrl+c")
        await studio.until(lambda: studio.queue.player.state == "idle")


async def test_the_time_left_does_not_count_waiting_for_playback(open_studio: OpenStudio) -> None:
    settings = StudioConfig(ahead_seconds=0.5)
    async with open_studio(text=TEXT * 5, settings=settings) as studio:
        await studio.pilot.press("f5")
        await studio.until(lambda: studio.queue.jobs and studio.queue.jobs[0].seconds_waited > 1.0)
        job = studio.queue.jobs[0]
        await studio.pilot.press("f7")
        await studio.until(lambda: job.state == "stopped")
        assert job.report is not None
    at_half = Job(job.request, job.text, job.hub, state="speaking", fraction=0.5, seconds_waited=8.0)
    at_half.report = replace(job.report, elapsed_seconds=10.0)
    assert at_half.seconds_left == 2.0
