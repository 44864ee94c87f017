"""Writing the files that a user wants of jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import anyio
from anyio.to_thread import run_sync as in_thread

from tts_hub.captions import write_captions
from tts_hub.errors import OutputError
from tts_hub_tui.failure import Failure, failure_of
from tts_hub_tui.jobs.job import Export, Job


class Exporter:
    """Writes the files of jobs that are over, one file at a time."""

    def __init__(self, on_exported: Callable[[Export, Failure | None], None]) -> None:
        """`on_exported` is called after every file, with the failure if it could not be written."""
        self._on_exported = on_exported
        self._woken = anyio.Event()

    def wake(self) -> None:
        """Look for files that can be written now."""
        self._woken.set()

    async def run(self, jobs: Callable[[], Iterable[Job]]) -> None:
        """Work until cancelled; `jobs` returns those there are."""
        while True:
            self._woken = anyio.Event()
            for job in [job for job in jobs() if job.is_over and job.exports]:
                await self._write_all(job)
            await self._woken.wait()

    async def _write_all(self, job: Job) -> None:
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
