"""The main screen: text, controls, and what is heard."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import anyio
from anyio.to_thread import run_sync as in_thread
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.screen import ModalScreen, Screen
from textual.widgets import Static, TextArea

from tts_hub.errors import TTSHubError
from tts_hub.types import SpeechRequest, Voice
from tts_hub_tui.hubs.estimate import estimate_line
from tts_hub_tui.jobs.job import Export, Failure, Job
from tts_hub_tui.jobs.queue import Desk
from tts_hub_tui.screens.engines import EnginesScreen
from tts_hub_tui.screens.files import OpenFile, SaveAs, unused_path, working_folder
from tts_hub_tui.screens.jobs import JobsScreen, Wish
from tts_hub_tui.screens.voices import VoicePicker
from tts_hub_tui.storage.history import Entry, History
from tts_hub_tui.storage.text_file import read_text
from tts_hub_tui.widgets.closing import unless_left
from tts_hub_tui.widgets.controls import Controls, remembered_choice
from tts_hub_tui.widgets.editor import ScriptEditor
from tts_hub_tui.widgets.keys import KeyBar
from tts_hub_tui.widgets.now import NowPlaying

if TYPE_CHECKING:
    from tts_hub_tui.app import StudioApp

FRAME = 1 / 15
"""Seconds between two looks at the player."""
PATIENCE = 0.4
"""Seconds without typing after which a text is estimated."""
SAMPLE = "Hello! This is how I sound."
DRAFT_PATIENCE = 1.0
"""Seconds without typing after which it is kept on disk."""
REPEATS = 0.7
"""Seconds in which a key that is held down comes again."""
CHOICE, DRAFT, SAVED_IN = "choice", "draft", "saved in"
"""Names under which the history remembers them."""


class StudioScreen(Screen[None]):
    """Where a person writes and listens."""

    app: StudioApp

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1", "app.show_keys", "Help", tooltip="All keys"),
        # The text area has F6 and F7 for itself: hence the priority.
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
        Binding("alt+n", "forget_queue", "Drop all that waits", show=False),
    ]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (70, "-wide")]  # noqa: RUF012 - Textual's own annotation
    VERTICAL_BREAKPOINTS = [(0, "-low"), (18, "-high")]  # noqa: RUF012 - Textual's own annotation

    def __init__(self, desk: Desk, history: History, text: str = "") -> None:
        """`text`: to begin with, instead of the one that was there last."""
        super().__init__()
        self._desk = desk
        self._history = history
        self._given = text
        draft = history.recall(DRAFT)
        self._editor = ScriptEditor(draft if isinstance(draft, str) and draft else text, id="text")
        self._shown: Job | None = None
        """Whose words are marked in the text; None when the text is another by now."""
        self._asked_at = 0.0
        """When it was last asked to speak, by `time.monotonic`; and what."""
        self._asked_text: str | None = None
        self._sound: tuple[str, str] | None = None
        """Device and reason of silence, as the title says them."""
        self._is_kept = True
        """The draft on disk is what is on the screen."""

    def compose(self) -> ComposeResult:
        """Title, text and controls, sound, keys."""
        yield Static("", id="title", markup=False)
        with Horizontal(id="work"):
            yield self._editor
            yield Controls(remembered_choice(self._history.recall(CHOICE)), id="controls")
        yield Static("", id="estimate", markup=False)
        yield NowPlaying(id="now")
        yield KeyBar(self.BINDINGS)

    def on_mount(self) -> None:
        """Write at once."""
        if self._given and self._given != self._editor.text:
            self._editor.load(self._given)
        self._editor.focus()
        self._refresh_title()
        self.set_interval(FRAME, self._frame)
        self.call_later(self.show_engines)
        with self._told():
            waiting = self._history.waiting()
            if waiting:
                self.notify(f"Not spoken yet from last time: {waiting}. F3 lists them.")

    def on_unmount(self) -> None:
        """The text is there again at the next start."""
        if not self._is_kept:
            with suppress(TTSHubError):
                self._history.remember(DRAFT, self._editor.text)

    async def show_engines(self) -> None:
        """What the hub has told."""
        with unless_left(self):
            controls = self.query_one(Controls)
            await controls.show_catalogue(self.app.engines.catalogue)
            controls.show_away(self.app.engines.away)

    def _refresh_title(self) -> None:
        """Where it speaks, and on what."""
        player = self._desk.player
        before, self._sound = self._sound, (player.device, player.silence_reason)
        if self._sound == before:
            return
        sound = f"♪ {player.device}" if not player.silence_reason else f"no sound: {player.silence_reason}"
        self.query_one("#title", Static).update(f"tts-hub studio · {self.app.hub.place} · {sound}")
        if player.silence_reason:
            self.notify(
                f"{player.silence_reason}\nSpeech is made without sound; Ctrl+S saves it.",
                title="No loudspeaker",
                severity="warning",
                timeout=8,
                markup=False,
            )

    def job_changed(self, job: Job) -> None:
        """The desk has news of a job."""
        if job.state == "failed" and job.failure is not None:
            failure = job.failure
            self.query_one(Controls).show_error(failure.field, failure.message)
            if failure.position and self._shown is job:
                self._editor.move_cursor(self._editor.location_at(min(failure.position, len(job.text))))
            self.app.notify(
                failure.line, title="The speech failed", severity="error", timeout=10, markup=False
            )

    def exported(self, export: Export, failure: Failure | None) -> None:
        """A file was written, or could not be."""
        if failure is not None:
            self.app.notify(failure.message, title="Not saved", severity="error", timeout=10, markup=False)
            return
        names = ", ".join(path.name for path in (export.path, *export.captions))
        self.app.notify(f"{names} in {export.path.parent}", title="Saved", markup=False)

    # What the user asks for

    @on(Controls.SpeakWanted)
    def action_speak(self) -> None:
        """Put the text in the queue, once what was typed or pasted before has arrived in it."""
        is_held_down = time.monotonic() - self._asked_at < REPEATS
        self._asked_at = time.monotonic()
        text = self._editor.text
        if not is_held_down or text != self._asked_text:
            self._asked_text = text
            self._editor.call_later(self._speak_text)

    def _speak_text(self) -> None:
        controls = self.query_one(Controls)
        text = self._editor.text
        if not text.strip():
            self.notify("There is nothing to speak yet: type or paste a text.", severity="warning")
            return
        controls.clear_errors()
        request = controls.request(text)
        if request is None:
            self.notify("A field has a value that is not possible.", severity="error")
            return
        with self._told():
            self._history.remember(CHOICE, dataclasses.asdict(controls.choice))
        self._editor.follows = True
        self._shown = self._speak(request)

    def action_pause(self) -> None:
        """Pause, or go on."""
        if not self._desk.toggle_pause():
            self.notify("There is nothing to pause; F8 replays.")

    def action_stop(self) -> None:
        """What is heard and what is being made; the rest waits."""
        self._desk.stop_all()
        if self._desk.is_held:
            self.notify(
                f"F6 continues with what is held ({self._desk.unheard}), Alt+N drops it.", title="Stopped"
            )

    def interrupt(self) -> None:
        """Ctrl+C: stop what runs, else say how to leave."""
        if (self._desk.is_busy and not self._desk.is_held) or self._desk.player.state != "idle":
            self.action_stop()
        else:
            self.app.notify("Ctrl+Q leaves the studio.")

    def action_replay(self) -> None:
        """From the beginning."""
        job = self._desk.current
        if job is None or job.recording is None:
            self.notify("There is nothing to play yet.", severity="warning")
        else:
            self._editor.follows = True
            self._desk.replay(job)

    def action_seek(self, seconds: float) -> None:
        """Back or forth."""
        player = self._desk.player
        player.seek(max(0.0, player.position + seconds))

    def action_forget_queue(self) -> None:
        """Nothing more than what is being made."""
        self._desk.drop_waiting()

    def on_waveform_sought(self, event: object) -> None:
        """A click on the waveform."""
        recording, fraction = self._desk.player.recording, getattr(event, "fraction", 0.0)
        if recording is not None:
            self._desk.player.seek(fraction * recording.seconds)

    @on(Controls.SaveWanted)
    def action_save(self) -> None:
        """What was spoken last; a text that was not spoken yet is spoken first."""
        self._editor.call_later(self._save)

    def _save(self) -> None:
        if self._desk.current is None and self._editor.text.strip():
            self._speak_text()
        job = self._desk.current or self._shown
        if job is None or (job.is_over and (job.recording is None or not job.recording.frames)):
            self.notify("There is nothing to save yet: speak something.", severity="warning")
        else:
            self._ask_where(job)

    def action_new(self) -> None:
        """An empty page; undo brings the text back."""
        self._editor.clear()
        self._editor.focus()

    @work(exclusive=True, group="dialog")
    async def action_open(self) -> None:
        """A text file into the editor."""
        path = await self.app.push_screen_wait(OpenFile(working_folder()))
        if path is not None:
            try:
                text = await read_text(path)
            except TTSHubError as exc:
                self.notify(str(exc), title="Not opened", severity="error", markup=False)
                return
            self._editor.load(text)
            self._editor.focus()

    @work(exclusive=True, group="dialog")
    @on(Controls.VoiceWanted)
    async def action_voices(self) -> None:
        """The list of voices of the engine that is chosen."""
        controls = self.query_one(Controls)
        engine = controls.engine
        if engine is None:
            self.notify("No engine is ready; F4 shows what each engine needs.", severity="error")
            return
        try:
            voices = await self.app.hub.voices(engine.name)
        except TTSHubError as exc:
            controls.show_error("voice", str(exc))
            return
        favourites: set[str] = set()
        with self._told():
            favourites = {voice for name, voice in self._history.favourites() if name == engine.name}
        picked = await self.app.push_screen_wait(
            VoicePicker(
                engine.name,
                voices,
                favourites,
                chosen=controls.voice.id if controls.voice else "",
                on_favourite=partial(self._set_favourite, engine.name),
                on_try=self._trier(engine.models[0] if engine.models else engine.name),
            )
        )
        if not isinstance(picked, bool):
            await controls.choose_voice(picked)

    @work(exclusive=True, group="dialog")
    async def action_jobs(self) -> None:
        """Queue and history."""
        wish = await self.app.push_screen_wait(JobsScreen(self._desk, self._history))
        if wish is not None:
            with self._told():
                await self._fulfil(wish)

    @work(exclusive=True, group="dialog")
    async def action_engines(self) -> None:
        """State of the engines."""
        name = await self.app.push_screen_wait(EnginesScreen())
        if name is not None:
            await self.query_one(Controls).choose_engine(name)

    # What follows from it

    @contextmanager
    def _told(self) -> Generator[None, None, None]:
        """An error of the hub is a notice, not the end of the studio."""
        try:
            yield
        except TTSHubError as exc:
            self.notify(str(exc), severity="error", timeout=10, markup=False)

    def _set_favourite(self, engine: str, voice: str, is_one: bool) -> None:
        with self._told():
            self._history.set_favourite(engine, voice, is_one=is_one)

    def _speak(self, request: SpeechRequest, entry: Entry | None = None) -> Job:
        if self._desk.player.state == "paused":
            current = self._desk.current
            if current is not None:
                self._desk.stop(current)  # what is spoken now is to be heard
        return self._desk.speak(request, entry)

    def _trier(self, model: str) -> Callable[[Voice], None]:
        def speak(voice: Voice) -> None:
            current = self._desk.current
            if current is not None and current.text == SAMPLE:
                self._desk.stop(current)
            text = SAMPLE
            self._speak(SpeechRequest(text, model=model, voice=voice.id, language=voice.language or None))

        return speak

    async def _fulfil(self, wish: Wish) -> None:
        entry = wish.entry
        if wish.what == "edit":
            self._editor.load(entry.text)
            self._editor.focus()
        elif wish.what == "again":
            with self._told():
                self._speak(entry.request(), entry if entry.outcome == "waiting" else None)
        elif wish.what == "export":
            self._ask_where(await self._desk.take_up(entry))
        else:
            job = await self._desk.take_up(entry)
            self._shown = job if self._editor.text == job.text else None
            self._desk.replay(job)

    @work(exclusive=True, group="dialog")
    async def _ask_where(self, job: Job) -> None:
        response_format = self.query_one(Controls).response_format
        folder = None
        with self._told():
            folder = self._history.recall(SAVED_IN)
        export = await self.app.push_screen_wait(
            SaveAs(
                unused_path(folder, response_format),
                response_format,
                is_complete=job.is_over,
                has_words=not job.is_over or bool(job.recording and job.recording.words),
            )
        )
        if export is not None:
            with self._told():
                self._history.remember(SAVED_IN, str(export.path.parent))
            self._desk.export(job, export)

    @on(TextArea.Changed)
    def _text_changed(self) -> None:
        if self._shown is not None and self._shown.text != self._editor.text:
            self._shown = None
        self._is_kept = False
        self._estimate_soon()
        self._keep_draft_soon()

    @work(exclusive=True, group="draft")
    async def _keep_draft_soon(self) -> None:
        await anyio.sleep(DRAFT_PATIENCE)
        text = self._editor.text
        self._is_kept = True
        with suppress(TTSHubError):  # a history that cannot be written is told where it matters
            await in_thread(self._history.remember, DRAFT, text)

    @on(Controls.Changed)
    def _choice_changed(self) -> None:
        self._estimate_soon()

    @work(exclusive=True, group="estimate")
    async def _estimate_soon(self) -> None:
        await anyio.sleep(PATIENCE)
        with unless_left(self):
            text = self._editor.text
            request = self.query_one(Controls).request(text) if text.strip() else None
            line = await estimate_line(self.app.hub, request) if request is not None else ""
            self.query_one("#estimate", Static).update(line)

    def _frame(self) -> None:
        """Fifteen times a second."""
        desk = self._desk
        desk.tick()
        if self.app.screen is not self and not isinstance(self.app.screen, ModalScreen):
            return
        self._refresh_title()
        job = desk.current
        self.query_one(NowPlaying).show(job, desk)
        self._editor.mark(self._spoken_span(job))

    def _spoken_span(self, job: Job | None) -> tuple[int, int] | None:
        player = self._desk.player
        recording = job.recording if job is not None and job is self._shown else None
        if recording is None or player.recording is not recording or player.state == "idle":
            return None
        index = recording.word_at(player.position)
        return recording.words[index].span if index is not None else None
