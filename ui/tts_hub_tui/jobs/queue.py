"""The desk: takes jobs, has them spoken one after the other, plays them, and keeps what came of them."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from contextlib import aclosing
from functools import partial
from typing import Literal

import anyio
from anyio.to_thread import run_sync as in_thread

from tts_hub.captions import write_captions
from tts_hub.errors import OutputError
from tts_hub.progress import ProgressEvent
from tts_hub.types import SpeechRequest
from tts_hub_tui.hubs.interface import Hub
from tts_hub_tui.jobs.job import Export, Failure, Job, failure_of
from tts_hub_tui.player.player import Player
from tts_hub_tui.storage.history import Entry, History
from tts_hub_tui.storage.recording import Recording

OPEN_RECORDINGS = 32
"""Each has a file open."""
BREATH = 0.05
"""Seconds between two looks at how far the ear has come."""
logger = logging.getLogger(__name__)


class Desk:
    """Jobs in order. One is being made at a time; what is made is played in the same order.

    All methods belong to one event loop, on which `run` must be running.
    """

    def __init__(
        self,
        hub: Hub,
        history: History,
        player: Player,
        *,
        ahead_seconds: float,
        on_change: Callable[[Job], None],
        on_exported: Callable[[Export, Failure | None], None],
    ) -> None:
        """`on_change` is told of every step of a job, `on_exported` of every file that was written,
        or could not be."""
        self.jobs: list[Job] = []
        """Not over yet, or over lately; the oldest first."""
        self.player = player
        self._hub = hub
        self._history = history
        self._ahead_seconds = ahead_seconds
        self._on_change = on_change
        self._on_exported = on_exported
        self._waiting: deque[Job] = deque()
        self._to_play: deque[Job] = deque()
        self._more = anyio.Event()
        self._more_to_export = anyio.Event()
        self._making: tuple[Job, anyio.CancelScope] | None = None
        self._made_anew: Job | None = None
        """It is being stopped, and goes back into the queue."""
        self._playing: Job | None = None
        self._begins_paused = False
        self._held = False
        self._first: Job | None = None
        """Asked for while others were held: it is made and heard before them."""
        self._latest: Job | None = None
        """The one that was heard, or came to an end, last."""

    @property
    def current(self) -> Job | None:
        """What is heard, else what is being made, else what was last."""
        if self._playing is not None and self.player.state != "idle":
            return self._playing
        if self._making is not None:
            return self._making[0]
        return self._latest

    @property
    def is_busy(self) -> bool:
        """Something is being made, or waits for it."""
        return self._making is not None or bool(self._waiting)

    @property
    def is_paused(self) -> bool:
        """Nothing is heard, or will be once it is there, until `toggle_pause`."""
        return self.player.state == "paused" or (self._begins_paused and self.is_busy)

    @property
    def unsaved(self) -> list[Export]:
        """Files that are wanted and not written yet."""
        return [export for job in self.jobs for export in job.exports]

    @property
    def is_held(self) -> bool:
        """What waits goes on waiting until `go_on`."""
        return self._held and bool(self._waiting or self._to_play or self._made_anew)

    @property
    def unheard(self) -> int:
        """Texts that are neither being heard, or about to be, nor were."""
        made = self._making[0] if self._making is not None else None
        about_to_be = made if made is not self._made_anew else None
        heard = self._playing if self.player.state != "idle" else about_to_be
        ahead = {job.id for job in (made, *self._to_play, *self._waiting) if job is not None}
        return len(ahead - {heard.id if heard is not None else ""})

    def speak(self, request: SpeechRequest, entry: Entry | None = None) -> Job:
        """Put a text in the queue; where that is held, at its front, and it goes on.

        `entry`: the one of the history that is spoken at last.
        """
        job = Job(request, str(request.input), self._hub.place)
        if entry is not None:
            job.id, job.created = entry.id, entry.created
        if self.is_busy:
            self._keep(job)  # it may wait for longer than this process lives
        self.jobs.append(job)
        if self.is_held:
            self._waiting.appendleft(job)
            self._first = job
        else:
            self._waiting.append(job)
        self._begins_paused = False
        self.go_on()
        self._on_change(job)
        return job

    def stop(self, job: Job) -> None:
        """Its engine stops at once, and so does the sound; what has been made is kept."""
        if job is self._playing:
            self.player.stop()
            self._latest = job
        if job in self._to_play:
            self._to_play.remove(job)
        if self._making is not None and self._making[0] is job:
            self._made_anew = None
            self._making[1].cancel()
        elif job in self._waiting:
            self._waiting.remove(job)
            self._first = None if job is self._first else self._first
            self._more_to_export.set()
            job.state = "stopped"
            self._keep(job)
            self._on_change(job)

    def stop_all(self) -> None:
        """Silence, and an engine at rest; whatever has not been heard yet is held until `go_on`."""
        heard = self._playing if self.player.state != "idle" else None
        made = self._making[0] if self._making is not None else None
        if heard is not None:
            self.stop(heard)
        if made is not None and made not in (heard, self._made_anew):
            if heard is None:
                self.stop(made)
            elif self._making is not None:
                self._made_anew = made
                self._to_play = deque(job for job in self._to_play if job is not made)
                self._making[1].cancel()
        self._begins_paused = False
        self._held = True

    def drop_waiting(self) -> None:
        """Whatever has not been heard yet is not going to be; the history keeps it."""
        for job in list(self._waiting):
            self.stop(job)
        made = self._making[0] if self._making is not None else None
        self._to_play = deque(job for job in self._to_play if job is made)
        self._made_anew = None
        self._held = False

    def go_on(self) -> None:
        """With what is held."""
        self._held = False
        self._more.set()

    def toggle_pause(self) -> bool:
        """Pause, or go on; False: there is nothing to pause."""
        if self.player.state == "paused":
            self.player.resume()
        elif self.player.state != "idle":
            self.player.pause()
        elif self.is_held:
            self.go_on()
        elif self.is_busy:
            self._begins_paused = not self._begins_paused
        else:
            return False
        return True

    def replay(self, job: Job) -> None:
        """Hear it from its beginning."""
        if job.recording is not None:
            made = self._making[0] if self._making is not None else None
            if (
                made is not None
                and made.recording is not None
                and made not in (self._made_anew, *self._to_play)
            ):
                self._to_play.appendleft(made)  # it is heard behind this one
            self._to_play = deque(each for each in self._to_play if each is not job)
            self._begins_paused = False
            self._play(job)

    def forget(self, name: str) -> None:
        """Take a job that is over off the desk, before its recording is deleted."""
        for job in [job for job in self.jobs if job.id == name and job.is_over]:
            if job is self._playing:
                self.player.stop()
                self._playing = None
            if job in self._to_play:
                self._to_play.remove(job)
            if job.recording is not None:
                job.recording.close()
            self.jobs.remove(job)
            self._latest = None if job is self._latest else self._latest

    async def take_up(self, entry: Entry) -> Job:
        """Lay an entry of the history on the desk, with its recording.

        Raises:
            OutputError: its recording is gone.
        """
        found = next((job for job in self.jobs if job.id == entry.id), None)
        if found is not None and found.recording is not None:
            return found
        state = "stopped" if entry.outcome == "waiting" else entry.outcome
        job = Job(entry.request(), entry.text, entry.facts.place, entry.id, entry.created, state)
        job.recording = await in_thread(Recording.open, self._history.folder, entry.id)
        self.jobs = [each for each in self.jobs if each.id != entry.id] + [job]
        self._clear_away(but=OPEN_RECORDINGS, besides=job)
        return job

    def export(self, job: Job, export: Export) -> None:
        """Write a file of a job: now, or when everything is made."""
        job.exports.append(export)
        self._more_to_export.set()

    def tick(self) -> None:
        """Begin the next recording when the one before has been heard; call it several times a second."""
        if self.player.state == "idle" and self._to_play and not self.is_held and self._first is None:
            self._play(self._to_play.popleft())

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._make_all)
                tasks.start_soon(self._export_all)
        finally:
            self.player.close()
            self._close_all()

    async def _make_all(self) -> None:
        while True:
            self._more = anyio.Event()
            if self._waiting and not self.is_held:
                await self._make(self._waiting.popleft())
                self._clear_away(but=OPEN_RECORDINGS)
            else:
                await self._more.wait()

    async def _export_all(self) -> None:
        while True:
            self._more_to_export = anyio.Event()
            for job in [job for job in self.jobs if job.is_over and job.exports]:
                await self._write_exports(job)
            await self._more_to_export.wait()

    def _clear_away(self, *, but: int, besides: Job | None = None) -> None:
        """The oldest jobs that nobody needs; the history has them."""
        needed = (self._playing, self._latest, besides, *self._to_play)
        over = [job for job in self.jobs if job.is_over and not job.exports and job not in needed]
        for job in over[: max(0, len(over) - but)]:
            if job.recording is not None:
                job.recording.close()
            self.jobs.remove(job)

    def _close_all(self) -> None:
        for job in self.jobs:
            if job.recording is not None:
                job.recording.close()

    async def _make(self, job: Job) -> None:
        job.state = "speaking"
        self._on_change(job)
        with anyio.CancelScope() as scope:
            self._making = job, scope
            outcome: Literal["done", "stopped", "failed"] = "stopped"
            try:
                await self._record(job)
                outcome = "done"
            except Exception as exc:  # noqa: BLE001 - the studio outlives whatever an engine does
                job.failure = failure_of(exc)
                outcome = "failed"
            finally:
                self._making = None
                if job.recording is not None:
                    job.recording.finish()
                self._first = None if job is self._first else self._first
                if self._made_anew is job and outcome != "done":
                    self._put_back(job)
                elif self._made_anew is job:  # it was quicker
                    self._to_play.appendleft(job)
                    job.state = outcome
                else:
                    self._latest = job
                    job.state = outcome
                self._made_anew = None
                self._keep(job)
                self._more_to_export.set()
                self._on_change(job)

    def _put_back(self, job: Job) -> None:
        """To the front of the queue, as if nothing had been made of it."""
        if job.recording is not None:
            job.recording.close()
            Recording.delete(self._history.folder, job.id)
        job.begin_anew()
        self._waiting.insert(int(self._first is not None), job)

    async def _record(self, job: Job) -> None:
        def note(event: ProgressEvent, /) -> None:
            job.note(event)
            self._on_change(job)

        speech = await self._hub.speak(job.request, note)
        async with aclosing(speech):
            job.report = speech.report
            recording = await in_thread(Recording.create, self._history.folder, job.id, speech.sample_rate)
            job.recording = recording
            if job is self._first:
                self._to_play.appendleft(job)
                self._first = None
            else:
                self._to_play.append(job)
            self.tick()
            await in_thread(self._keep, job)  # while the first sound is on its way to the ear
            async for chunk in speech:
                await in_thread(recording.append, chunk)
                job.report = speech.report
                await self._wait_for_ear(job)
            job.report = speech.report

    async def _wait_for_ear(self, job: Job) -> None:
        """Stay ahead of what is heard, but not by hours, unless all of it is wanted."""
        began = time.monotonic()
        try:
            while self._may_wait(job) and self._seconds_ahead(job) > self._ahead_seconds:  # noqa: ASYNC110 - the ear tells nothing
                await anyio.sleep(BREATH)
        finally:
            job.seconds_waited += time.monotonic() - began

    def _may_wait(self, job: Job) -> bool:
        """Somebody is going to hear it, and nobody wants all of it at once."""
        is_heard = job in self._to_play or (job is self._playing and self.player.state != "idle")
        return self._hub.is_patient and not job.exports and is_heard

    def _seconds_ahead(self, job: Job) -> float:
        made = job.recording.seconds if job.recording is not None else 0.0
        return made - (self.player.position if job is self._playing else 0.0)

    def _play(self, job: Job) -> None:
        if job.recording is not None:
            self._playing = self._latest = job
            self.player.play(job.recording, paused=self._begins_paused)
            self._begins_paused = False

    def _keep(self, job: Job) -> None:
        try:
            self._history.add(job.entry())
        except OutputError as exc:
            logger.warning("%s", exc)
            job.warnings.append(str(exc))

    async def _write_exports(self, job: Job) -> None:
        while job.exports:
            export, failure = job.exports[0], None
            try:
                await self._write(job, export)
            except Exception as exc:  # noqa: BLE001 - a file that cannot be written ends nothing else
                failure = failure_of(exc)
            del job.exports[0]
            self._on_exported(export, failure)

    async def _write(self, job: Job, export: Export) -> None:
        recording = job.recording
        if recording is None or not recording.frames:
            raise OutputError("there is nothing to save: no sound was made")
        await in_thread(recording.save, export.path, export.response_format)
        language = job.report.language if job.report else job.request.language
        for path in export.captions:
            await in_thread(
                partial(write_captions, path, recording.words, job.text, language=language or "en")
            )
