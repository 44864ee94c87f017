"""The queue: jobs are generated and played one after the other, and kept in the history."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from typing import Literal

import anyio
from anyio.to_thread import run_sync as in_thread

from tts_hub.errors import OutputError
from tts_hub.types import SpeechRequest
from tts_hub_tui.failure import Failure, failure_of
from tts_hub_tui.hubs.interface import Hub
from tts_hub_tui.jobs.exporter import Exporter
from tts_hub_tui.jobs.generator import Generator
from tts_hub_tui.jobs.job import Export, Job
from tts_hub_tui.jobs.playlist import Playlist
from tts_hub_tui.player.player import Player
from tts_hub_tui.storage.entry import HistoryEntry
from tts_hub_tui.storage.history import History
from tts_hub_tui.storage.recording import Recording

OPEN_RECORDINGS = 32
"""Jobs that are over and whose recordings stay open; each holds one file."""
logger = logging.getLogger(__name__)


class JobQueue:
    """Jobs in order. One is generated at a time; the recordings are played in the same order.

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
        """`on_change` is called after every step of a job, `on_exported` after every file that was
        written, or could not be."""
        self.jobs: list[Job] = []
        """Jobs that are not over, and the latest of those that are; the oldest first."""
        self.player = player
        self._hub = hub
        self._history = history
        self._on_change = on_change
        self._playlist = Playlist(player)
        self._generator = Generator(hub, history.folder, self._playlist, ahead_seconds=ahead_seconds)
        self._exporter = Exporter(on_exported)
        self._waiting: deque[Job] = deque()
        """Jobs that are generated next, in this order."""
        self._woken = anyio.Event()
        self._generating: Job | None = None
        self._generation: anyio.CancelScope | None = None
        self._requeued: Job | None = None
        """The job whose generation is being stopped and which then returns to the queue."""
        self._holds = False
        self._urgent: Job | None = None
        """The job that was added while others were held: it is generated and played before them."""
        self._last: Job | None = None
        """The job that was played, or ended, last."""

    @property
    def current(self) -> Job | None:
        """The job that is played, else the one that is generated, else the last one."""
        return self._playlist.playing or self._generating or self._last

    @property
    def is_busy(self) -> bool:
        """Whether a job is generated, or waits for it."""
        return self._generating is not None or bool(self._waiting)

    @property
    def is_paused(self) -> bool:
        """Whether playback rests, or will rest at the first sample, until `toggle_pause`."""
        return self.player.state == "paused" or (self._playlist.starts_paused and self.is_busy)

    @property
    def is_held(self) -> bool:
        """Whether jobs wait until `release`."""
        return self._holds and bool(self._waiting or self._playlist.waiting or self._requeued)

    @property
    def unplayed(self) -> int:
        """The number of jobs that wait behind the one that is played, or is about to be."""
        generating = self._generating
        next_one = generating if generating is not self._requeued else None
        first = self._playlist.playing or next_one
        ahead = {job.id for job in (generating, *self._playlist.waiting, *self._waiting) if job is not None}
        return len(ahead - {first.id if first is not None else ""})

    @property
    def unsaved(self) -> list[Export]:
        """Files that are wanted and not written yet."""
        return [export for job in self.jobs for export in job.exports]

    def speak(self, request: SpeechRequest, entry: HistoryEntry | None = None) -> Job:
        """Add a job at the end of the queue; if jobs are held, add it at the front and release them.

        A job that is paused is stopped. `entry` is the entry of the history that waits to be spoken, if
        there is one.
        """
        if self.player.state == "paused" and self.current is not None:
            self.stop(self.current)
        job = Job(request, str(request.input), self._hub.name)
        if entry is not None:
            job.id, job.created = entry.id, entry.created
        if self.is_busy:
            self._save_entry(job)  # it is still there if this process ends before its turn
        self.jobs.append(job)
        if self.is_held:
            self._waiting.appendleft(job)
            self._urgent = job
        else:
            self._waiting.append(job)
        self._playlist.starts_paused = False
        self.release()
        self._on_change(job)
        return job

    def stop(self, job: Job) -> None:
        """Stop the engine and the playback of a job at once; what has been recorded is kept."""
        if job is self._playlist.last:
            self.player.stop()
            self._last = job
        self._playlist.remove(job)
        if self._generating is job:
            self._requeued = None
            self._cancel_generation()
        elif job in self._waiting:
            self._waiting.remove(job)
            self._urgent = None if job is self._urgent else self._urgent
            self._exporter.wake()
            job.state = "stopped"
            self._save_entry(job)
            self._on_change(job)

    def stop_all(self) -> None:
        """Stop playback and engine at once, and hold the jobs that have not been played yet."""
        playing, generating = self._playlist.playing, self._generating
        if playing is not None:
            self.stop(playing)
        if generating is not None and generating not in (playing, self._requeued):
            if playing is None:
                self.stop(generating)
            else:
                self._requeued = generating
                self._playlist.remove(generating)
                self._cancel_generation()
        self._playlist.starts_paused = False
        self._holds = True

    def drop_waiting(self) -> None:
        """Stop every job that waits to be generated or played; the history keeps them."""
        for job in list(self._waiting):
            self.stop(job)
        self._playlist.waiting = deque(job for job in self._playlist.waiting if job is self._generating)
        self._requeued = None
        self._holds = False

    def release(self) -> None:
        """Continue with the jobs that are held."""
        self._holds = False
        self._woken.set()

    def toggle_pause(self) -> bool:
        """Pause or continue; False if there is nothing to pause."""
        if self.player.state == "paused":
            self.player.resume()
        elif self.player.state != "idle":
            self.player.pause()
        elif self.is_held:
            self.release()
        elif self.is_busy:
            self._playlist.starts_paused = not self._playlist.starts_paused
        else:
            return False
        return True

    def replay(self, job: Job) -> None:
        """Play a job's recording from its beginning."""
        if job.recording is not None:
            other = self._generating
            if (
                other is not None
                and other.recording is not None
                and other not in (self._requeued, *self._playlist.waiting)
            ):
                self._playlist.waiting.appendleft(other)  # it is played after this one
            self._playlist.remove(job)
            self._playlist.starts_paused = False
            self._play(job)

    def play_next(self) -> None:
        """Play the next recording if the one before has ended; call it several times a second."""
        waiting = self._playlist.waiting
        if self.player.state == "idle" and waiting and not self.is_held and self._urgent is None:
            self._play(waiting.popleft())

    def forget(self, name: str) -> None:
        """Remove a job that is over, before its recording is deleted; `name` is its id."""
        for job in [job for job in self.jobs if job.id == name and job.is_over]:
            if job is self._playlist.last:
                self.player.stop()
                self._playlist.last = None
            self._playlist.remove(job)
            self._remove(job)
            self._last = None if job is self._last else self._last

    async def reopen(self, entry: HistoryEntry) -> Job:
        """The job of an entry of the history, with its recording.

        Raises:
            OutputError: its recording is gone.
        """
        found = next((job for job in self.jobs if job.id == entry.id), None)
        if found is not None and found.recording is not None:
            return found
        state = "stopped" if entry.outcome == "waiting" else entry.outcome
        job = Job(entry.request(), entry.text, entry.facts.hub, entry.id, entry.created, state)
        job.recording = await in_thread(Recording.open, self._history.folder, entry.id)
        self.jobs = [each for each in self.jobs if each.id != entry.id] + [job]
        self._remove_oldest(besides=job)
        return job

    def export(self, job: Job, export: Export) -> None:
        """Write a file of a job, as soon as all of its speech is generated."""
        job.exports.append(export)
        self._exporter.wake()

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._generate_all)
                tasks.start_soon(self._exporter.run, lambda: self.jobs)
        finally:
            self.player.close()
            for job in self.jobs:
                if job.recording is not None:
                    job.recording.close()

    async def _generate_all(self) -> None:
        while True:
            self._woken = anyio.Event()
            if self._waiting and not self.is_held:
                await self._generate(self._waiting.popleft())
                self._remove_oldest()
            else:
                await self._woken.wait()

    async def _generate(self, job: Job) -> None:
        job.state = "speaking"
        self._on_change(job)
        with anyio.CancelScope() as self._generation:
            self._generating = job
            outcome: Literal["done", "stopped", "failed"] = "stopped"
            try:
                await self._generator.generate(
                    job, on_progress=self._on_change, on_recording=self._start_playback
                )
                outcome = "done"
            except Exception as exc:  # noqa: BLE001 - no error of an engine ends the studio
                job.failure = failure_of(exc)
                outcome = "failed"
            finally:
                self._generating = None
                self._end(job, outcome)

    def _cancel_generation(self) -> None:
        if self._generation is not None:
            self._generation.cancel()

    async def _start_playback(self, job: Job) -> None:
        if job is self._urgent:
            self._playlist.waiting.appendleft(job)
            self._urgent = None
        else:
            self._playlist.waiting.append(job)
        self.play_next()
        await in_thread(self._save_entry, job)  # while the first sound is on its way to the device

    def _end(self, job: Job, outcome: Literal["done", "stopped", "failed"]) -> None:
        if job.recording is not None:
            job.recording.finish()
        self._urgent = None if job is self._urgent else self._urgent
        if self._requeued is job and outcome != "done":
            self._requeue(job)
        elif self._requeued is job:  # it was generated before it could be stopped
            self._playlist.waiting.appendleft(job)
            job.state = outcome
        else:
            self._last = job
            job.state = outcome
        self._requeued = None
        self._save_entry(job)
        self._exporter.wake()
        self._on_change(job)

    def _requeue(self, job: Job) -> None:
        """Return a job to the front of the queue, without what was generated of it."""
        if job.recording is not None:
            job.recording.close()
            Recording.delete(self._history.folder, job.id)
        job.reset()
        self._waiting.insert(int(self._urgent is not None), job)

    def _play(self, job: Job) -> None:
        if job.recording is not None:
            self._last = job
            self._playlist.play(job)

    def _save_entry(self, job: Job) -> None:
        try:
            self._history.add(job.entry())
        except OutputError as exc:
            logger.warning("%s", exc)
            job.warnings.append(str(exc))

    def _remove_oldest(self, *, besides: Job | None = None) -> None:
        """Remove the oldest jobs that are not in use; the history has them."""
        in_use = (self._playlist.last, self._last, besides, *self._playlist.waiting)
        over = [job for job in self.jobs if job.is_over and not job.exports and job not in in_use]
        for job in over[: max(0, len(over) - OPEN_RECORDINGS)]:
            self._remove(job)

    def _remove(self, job: Job) -> None:
        if job.recording is not None:
            job.recording.close()
        self.jobs.remove(job)
