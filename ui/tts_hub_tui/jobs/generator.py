"""Generating the speech of a job, not far ahead of its playback."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path

import anyio
from anyio.to_thread import run_sync as in_thread

from tts_hub.progress import ProgressEvent
from tts_hub_tui.hubs.interface import Hub
from tts_hub_tui.jobs.job import Job
from tts_hub_tui.jobs.playlist import Playlist
from tts_hub_tui.storage.recording import Recording

POLL_SECONDS = 0.05
"""Seconds between two looks at the position of playback."""


class Generator:
    """Records the speech that a hub generates."""

    def __init__(self, hub: Hub, folder: Path, playlist: Playlist, *, ahead_seconds: float) -> None:
        """`ahead_seconds` is how far generation may be ahead of playback, in seconds of audio."""
        self._hub = hub
        self._folder = folder
        self._playlist = playlist
        self._ahead_seconds = ahead_seconds

    async def generate(
        self,
        job: Job,
        *,
        on_progress: Callable[[Job], None],
        on_recording: Callable[[Job], Awaitable[None]],
    ) -> None:
        """Record all speech of a job.

        `on_progress` is called after every step, `on_recording` once there is a recording to play.

        Raises:
            TTSHubError: the hub fails, or the recording cannot be written.
        """

        def apply(event: ProgressEvent, /) -> None:
            job.apply(event)
            on_progress(job)

        speech = await self._hub.speak(job.request, apply)
        async with aclosing(speech):
            job.report = speech.report
            recording = await in_thread(Recording.create, self._folder, job.id, speech.sample_rate)
            job.recording = recording
            await on_recording(job)
            async for chunk in speech:
                await in_thread(recording.append, chunk)
                job.report = speech.report
                await self._wait_for_playback(job)
            job.report = speech.report

    async def _wait_for_playback(self, job: Job) -> None:
        """Stay ahead of playback, but not by hours, unless all of the audio is wanted at once."""
        began = time.monotonic()
        try:
            while self._may_wait(job) and self._seconds_ahead(job) > self._ahead_seconds:  # noqa: ASYNC110 - the player signals nothing
                await anyio.sleep(POLL_SECONDS)
        finally:
            job.seconds_waited += time.monotonic() - began

    def _may_wait(self, job: Job) -> bool:
        return self._hub.allows_pauses and not job.exports and self._playlist.plays(job)

    def _seconds_ahead(self, job: Job) -> float:
        generated = job.recording.seconds if job.recording is not None else 0.0
        return generated - self._playlist.position(job)
