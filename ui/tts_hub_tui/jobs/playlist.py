"""The order in which recordings are played."""

from __future__ import annotations

from collections import deque

from tts_hub_tui.jobs.job import Job
from tts_hub_tui.player.player import Player


class Playlist:
    """Jobs whose recordings are played one after the other on one player."""

    def __init__(self, player: Player) -> None:
        self.waiting: deque[Job] = deque()
        """Jobs that are played next, in this order."""
        self.last: Job | None = None
        """The job that is played, or was played last."""
        self.starts_paused = False
        """The next recording is paused at its first sample."""
        self._player = player

    @property
    def playing(self) -> Job | None:
        """The job that is played now; it may be paused."""
        return self.last if self._player.state != "idle" else None

    def plays(self, job: Job) -> bool:
        """Whether a job is played now, or waits for it."""
        return job in self.waiting or job is self.playing

    def position(self, job: Job) -> float:
        """Seconds of a job's recording that have been played."""
        return self._player.position if job is self.last else 0.0

    def play(self, job: Job) -> None:
        """Play a job's recording from its beginning, instead of the one that is played."""
        if job.recording is not None:
            self.last = job
            self._player.play(job.recording, paused=self.starts_paused)
            self.starts_paused = False

    def remove(self, job: Job) -> None:
        """Take a job out of those that wait."""
        self.waiting = deque(each for each in self.waiting if each is not job)
