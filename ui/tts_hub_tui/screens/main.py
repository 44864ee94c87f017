"""The main screen: the text, how it is spoken, and its sound."""

from __future__ import annotations

from contextlib import suppress
from typing import ClassVar

import anyio
from anyio.to_thread import run_sync as in_thread
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.screen import ModalScreen
from textual.widgets import TextArea

from tts_hub.errors import TTSHubError
from tts_hub.types import SpeechRequest
from tts_hub_tui.failure import Failure
from tts_hub_tui.jobs.job import Export, Job
from tts_hub_tui.screens.engines import EnginesScreen
from tts_hub_tui.screens.files import OpenFile, SaveAs, working_folder
from tts_hub_tui.screens.jobs import EntryAction, JobsScreen
from tts_hub_tui.screens.speaking import CHOICE, SpeakingScreen
from tts_hub_tui.screens.voices import VoicePicker
from tts_hub_tui.storage.text_file import read_text
from tts_hub_tui.studio import Studio
from tts_hub_tui.widgets.choice import restore_choice
from tts_hub_tui.widgets.closing import ignore_closed
from tts_hub_tui.widgets.controls import Controls
from tts_hub_tui.widgets.errors import notify_errors
from tts_hub_tui.widgets.estimate import EstimateLine
from tts_hub_tui.widgets.keys import KeyBar
from tts_hub_tui.widgets.now import NowPlaying
from tts_hub_tui.widgets.title import TitleLine

FRAME = 1 / 15
"""Seconds between two looks at the player."""
DRAFT_DELAY = 1.0
"""Seconds without typing after which a text is kept on disk."""
DRAFT = "draft"
"""The name under which the history remembers the text."""


class MainScreen(SpeakingScreen):
    """The screen on which a user writes and listens."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1", "app.show_keys", "Help", tooltip="All keys"),
        # Priority, because the text area has its own actions for F6 and F7.
        Binding("f5,alt+enter", "speak", "Speak", key_display="F5", priority=True),
        Binding(
            "f6,ctrl+t",
            "pause",
            "Pause",
            key_display="F6",
            tooltip="Pause; continue, also with what is held",
            priority=True,
        ),
        Binding(
            "f7",
            "stop",
            "Stop",
            tooltip="Stop the engine and the sound at once; hold the queue",
            priority=True,
        ),
        Binding("escape", "stop", "Stop", show=False),
        Binding("f8,ctrl+r", "replay", "Replay", key_display="F8", tooltip="Hear it again", priority=True),
        Binding("ctrl+s", "save", "Save", tooltip="Save what was spoken, with captions"),
        Binding("f2", "voices", "Voice"),
        Binding("f3", "jobs", "Jobs", tooltip="Queue and history"),
        Binding("f4", "engines", "Engines", tooltip="State of each engine; get models"),
        Binding("ctrl+o", "open", "Open", tooltip="Open a text file"),
        Binding("f9", "app.settings", "Settings", tooltip="Edit the config file"),
        Binding("ctrl+q", "app.leave", "Quit", tooltip="Leave the studio"),
        Binding("alt+left", "seek(-5)", "Back 5 s", show=False),
        Binding("alt+right", "seek(5)", "On 5 s", show=False),
        Binding("ctrl+n", "new", "New text", show=False),
        Binding("alt+n", "drop_queue", "Drop all that waits", show=False),
    ]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (70, "-wide")]  # noqa: RUF012 - Textual's own annotation
    VERTICAL_BREAKPOINTS = [(0, "-low"), (18, "-high")]  # noqa: RUF012 - Textual's own annotation

    def __init__(self, studio: Studio, text: str = "") -> None:
        """`text` replaces the draft of the last time, if it is not empty."""
        draft = studio.history.recall(DRAFT)
        super().__init__(studio, draft if isinstance(draft, str) and draft else text)
        self._given = text
        self._estimate = EstimateLine(studio.hub, id="estimate")
        self._draft_is_saved = True
        self._voices_asked = set[str]()
        """Engines that were asked for their default voice."""

    def compose(self) -> ComposeResult:
        """Title, text and controls, sound, keys."""
        yield TitleLine(self._studio.hub.name, id="title")
        with Horizontal(id="work"):
            yield self._editor
            yield Controls(restore_choice(self._history.recall(CHOICE)), id="controls")
        yield self._estimate
        yield NowPlaying(id="now")
        yield KeyBar(self.BINDINGS)

    def on_mount(self) -> None:
        """Put the keyboard into the text, and mention jobs that still wait from the last time."""
        if self._given and self._given != self._editor.text:
            self._editor.load(self._given)
        self._editor.focus()
        self._show_title()
        self.set_interval(FRAME, self._show_frame)
        self.call_later(self.show_engines)
        with notify_errors(self):
            waiting = self._history.count_waiting()
            if waiting:
                self.notify(f"Not spoken yet from last time: {waiting}. F3 lists them.")

    def on_unmount(self) -> None:
        """Save the draft for the next start."""
        if not self._draft_is_saved:
            with suppress(TTSHubError):
                self._history.remember(DRAFT, self._editor.text)

    # Reports of the parts of the studio

    async def show_engines(self) -> None:
        """Offer the engines that the hub lists."""
        with ignore_closed(self):
            controls = self.query_one(Controls)
            self._voices_asked.clear()  # a changed setting or a download may have changed the default
            await controls.show_catalogue(self._studio.engines.catalogue)
            controls.show_hub_error(self._studio.engines.error)
        self._name_default_voice()

    def show_job(self, job: Job) -> None:
        """Show the failure of a job."""
        if job.state == "failed" and job.failure is not None:
            failure = job.failure
            self.query_one(Controls).show_error(failure.field, failure.message)
            if failure.position and self._marked is job:
                self._editor.move_cursor(self._editor.location_at(min(failure.position, len(job.text))))
            self.app.notify(
                failure.line, title="The speech failed", severity="error", timeout=10, markup=False
            )

    def show_export(self, export: Export, failure: Failure | None) -> None:
        """Notify the user that a file was written, or why it could not be."""
        if failure is not None:
            self.app.notify(failure.message, title="Not saved", severity="error", timeout=10, markup=False)
            return
        names = ", ".join(path.name for path in (export.path, *export.captions))
        self.app.notify(f"{names} in {export.path.parent}", title="Saved", markup=False)

    def _show_frame(self) -> None:
        """Show the state of playback; called fifteen times a second."""
        self._queue.play_next()
        if self.app.screen is not self and not isinstance(self.app.screen, ModalScreen):
            return
        self._show_title()
        job = self._queue.current
        self.query_one(NowPlaying).show(job, self._queue)
        self._editor.mark(self._spoken_span(job))

    def _show_title(self) -> None:
        player = self._queue.player
        self.query_one(TitleLine).show(player.device, player.silence_reason)

    # The text

    @on(TextArea.Changed)
    def _follow_text(self) -> None:
        if self._marked is not None and self._marked.text != self._editor.text:
            self._marked = None
        self._draft_is_saved = False
        self._estimate_soon()
        self._save_draft_soon()

    @on(Controls.Changed)
    def _follow_controls(self) -> None:
        self._estimate_soon()
        self._name_default_voice()

    def _estimate_soon(self) -> None:
        self._estimate.show_soon(self._request_to_estimate)

    @work(exclusive=True, group="default-voice")
    async def _name_default_voice(self) -> None:
        """Show which voice the engine speaks with when none is chosen."""
        controls = self.query_one(Controls)
        engine = controls.engine
        if engine is None or not engine.ready or engine.name in self._voices_asked:
            return
        self._voices_asked.add(engine.name)
        with suppress(TTSHubError):
            voices = await self._studio.hub.voices(engine.name)
            if voices:
                controls.show_default_voice(engine.name, voices[0].id)

    def _request_to_estimate(self) -> SpeechRequest | None:
        text = self._editor.text
        return self.query_one(Controls).request(text) if text.strip() else None

    @work(exclusive=True, group="draft")
    async def _save_draft_soon(self) -> None:
        await anyio.sleep(DRAFT_DELAY)
        text = self._editor.text
        self._draft_is_saved = True
        with suppress(TTSHubError):  # the next speech shows that the history cannot be written
            await in_thread(self._history.remember, DRAFT, text)

    def action_new(self) -> None:
        """Empty the page; undo brings the text back."""
        self._editor.clear()
        self._editor.focus()

    @work(exclusive=True, group="dialog")
    async def action_open(self) -> None:
        """Load a text file into the editor."""
        path = await self.app.push_screen_wait(OpenFile(working_folder()))
        if path is not None:
            try:
                text = await read_text(path)
            except TTSHubError as exc:
                self.notify(str(exc), title="Not opened", severity="error", markup=False)
                return
            self._edit(text)

    # Dialogs

    @on(Controls.SavePressed)
    def action_save(self) -> None:
        """Save the current job; a text that was not spoken yet is spoken first."""
        self._editor.call_later(self._save)

    def _save(self) -> None:
        if self._queue.current is None and self._editor.text.strip():
            self._speak_text()
        job = self._queue.current or self._marked
        if job is None or (job.is_over and (job.recording is None or not job.recording.frames)):
            self.notify("There is nothing to save yet: speak something.", severity="warning")
        else:
            self._export(job)

    @work(exclusive=True, group="dialog")
    async def _export(self, job: Job) -> None:
        response_format = self.query_one(Controls).response_format
        export = await self.app.push_screen_wait(SaveAs(job, self._history, response_format))
        if export is not None:
            self._queue.export(job, export)

    @work(exclusive=True, group="dialog")
    @on(Controls.VoicePressed)
    async def action_voices(self) -> None:
        """Choose a voice of the engine."""
        controls = self.query_one(Controls)
        engine = controls.engine
        if engine is None:
            self.notify("No engine is ready; F4 shows what each engine needs.", severity="error")
            return
        try:
            voices = await self._studio.hub.voices(engine.name)
        except TTSHubError as exc:
            controls.show_error("voice", str(exc))
            return
        model = engine.models[0] if engine.models else engine.name
        picked = await self.app.push_screen_wait(
            VoicePicker(
                engine.name,
                voices,
                self._history,
                chosen=controls.voice.id if controls.voice else "",
                on_try=lambda voice: self._speak_sample(model, voice),
                list_voices=lambda: self._studio.hub.voices(engine.name),
                add_emotion=self._studio.hub.add_emotion,
            )
        )
        if not isinstance(picked, bool):
            await controls.choose_voice(picked)

    @work(exclusive=True, group="dialog")
    async def action_engines(self) -> None:
        """Show the state of the engines."""
        name = await self.app.push_screen_wait(EnginesScreen(self._studio.engines, self._studio.downloads))
        if name is not None:
            await self.query_one(Controls).choose_engine(name)

    @work(exclusive=True, group="dialog")
    async def action_jobs(self) -> None:
        """Show queue and history."""
        chosen = await self.app.push_screen_wait(JobsScreen(self._queue, self._history))
        if chosen is not None:
            with notify_errors(self):
                await self._perform(chosen)

    async def _perform(self, chosen: EntryAction) -> None:
        entry = chosen.entry
        if chosen.action == "edit":
            self._edit(entry.text)
        elif chosen.action == "speak":
            self._queue.speak(entry.request(), entry if entry.outcome == "waiting" else None)
        elif chosen.action == "export":
            self._export(await self._queue.reopen(entry))
        else:
            job = await self._queue.reopen(entry)
            self._marked = job if self._editor.text == job.text else None
            self._queue.replay(job)

    def _edit(self, text: str) -> None:
        self._editor.load(text)
        self._editor.focus()
