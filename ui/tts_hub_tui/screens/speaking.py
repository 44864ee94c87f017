"""Speaking a text: the actions of the main screen that concern its sound."""

from __future__ import annotations

import dataclasses
import time

from textual import on
from textual.screen import Screen

from tts_hub.types import SpeechRequest, Voice
from tts_hub_tui.jobs.job import Job
from tts_hub_tui.studio import Studio
from tts_hub_tui.widgets.controls import Controls
from tts_hub_tui.widgets.editor import ScriptEditor
from tts_hub_tui.widgets.errors import notify_errors
from tts_hub_tui.widgets.waveform import Waveform

KEY_REPEAT = 0.7
"""Seconds in which a key that is held down comes again."""
SAMPLE = "Hello! This is how I sound."
CHOICE = "choice"
"""The name under which the history remembers what was chosen in the controls."""


class SpeakingScreen(Screen[None]):
    """Speaks, pauses, stops and replays the text of an editor. Subclasses show the editor and `Controls`."""

    def __init__(self, studio: Studio, text: str) -> None:
        """`text` is what the editor begins with."""
        super().__init__()
        self._studio = studio
        self._queue = studio.queue
        self._history = studio.history
        self._editor = ScriptEditor(text, id="text")
        self._marked: Job | None = None
        """The job whose words are marked in the text; None once the text has changed."""
        self._pressed_at = 0.0
        """The time when the key was pressed last, by `time.monotonic`."""
        self._pressed_text: str | None = None
        """The text of that time."""

    @on(Controls.SpeakPressed)
    def action_speak(self) -> None:
        """Put the text in the queue, after the keys and pastes that came before have reached it."""
        is_held_down = time.monotonic() - self._pressed_at < KEY_REPEAT
        self._pressed_at = time.monotonic()
        text = self._editor.text
        if not is_held_down or text != self._pressed_text:
            self._pressed_text = text
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
        with notify_errors(self):
            self._history.remember(CHOICE, dataclasses.asdict(controls.choice))
        self._editor.follows = True
        self._marked = self._queue.speak(request)

    def _speak_sample(self, model: str, voice: Voice) -> None:
        current = self._queue.current
        if current is not None and current.text == SAMPLE:
            self._queue.stop(current)
        self._queue.speak(SpeechRequest(SAMPLE, model=model, voice=voice.id, language=voice.language or None))

    def action_pause(self) -> None:
        """Pause or continue."""
        if not self._queue.toggle_pause():
            self.notify("There is nothing to pause; F8 replays.")

    def action_stop(self) -> None:
        """Stop what is played and generated, and hold the rest."""
        self._queue.stop_all()
        if self._queue.is_held:
            self.notify(
                f"F6 continues with what is held ({self._queue.unplayed}), Alt+N drops it.", title="Stopped"
            )

    def interrupt(self) -> None:
        """Stop if anything runs, else say how to leave."""
        if (self._queue.is_busy and not self._queue.is_held) or self._queue.player.state != "idle":
            self.action_stop()
        else:
            self.app.notify("Ctrl+Q leaves the studio.")

    def action_replay(self) -> None:
        """Play the current job from its beginning."""
        job = self._queue.current
        if job is None or job.recording is None:
            self.notify("There is nothing to play yet.", severity="warning")
        else:
            self._editor.follows = True
            self._queue.replay(job)

    def action_seek(self, seconds: float) -> None:
        """Move forwards or, if negative, backwards in the recording."""
        player = self._queue.player
        player.seek(max(0.0, player.position + seconds))

    @on(Waveform.Clicked)
    def _seek_to_click(self, event: Waveform.Clicked) -> None:
        recording = self._queue.player.recording
        if recording is not None:
            self._queue.player.seek(event.fraction * recording.seconds)

    def action_drop_queue(self) -> None:
        """Drop all jobs that wait."""
        self._queue.drop_waiting()

    def _spoken_span(self, job: Job | None) -> tuple[int, int] | None:
        """The characters `[start, end)` of the word that is spoken now."""
        player = self._queue.player
        recording = job.recording if job is not None and job is self._marked else None
        if recording is None or player.recording is not recording or player.state == "idle":
            return None
        index = recording.word_at(player.position)
        return recording.words[index].span if index is not None else None
