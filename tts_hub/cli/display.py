"""What long commands show on a terminal while they work, and what `speak` says at the end."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Self

import click

from tts_hub.progress import ProgressEvent
from tts_hub.report import SpeechReport


class SpeakDisplay:
    """A progress bar on a terminal, nothing in a pipe; what went wrong is told in both."""

    def __init__(self, *, quiet: bool) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        self._quiet = quiet
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[status]}"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
            disable=quiet or sys.stderr is None or not sys.stderr.isatty(),
        )
        self._task = self._progress.add_task("starting", total=None, status="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def update(self, event: ProgressEvent, /) -> None:
        """Show one event."""
        if event.message and event.stage in ("fallback", "segment") and not self._quiet:
            self._progress.stop()
            click.echo(f"warning: {event.message}", err=True)
            self._progress.start()
        self._progress.update(
            self._task,
            description=event.backend,
            status=event.message or f"{event.audio_seconds:.1f} s of speech",
        )
        if event.fraction is not None:
            self._progress.update(self._task, total=1.0, completed=event.fraction)


class DownloadDisplay:
    """Bytes, speed and time left on a terminal, nothing in a pipe."""

    def __init__(self, model: str, *, quiet: bool) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[status]}"),
            console=Console(stderr=True),
            transient=True,
            disable=quiet or sys.stderr is None or not sys.stderr.isatty(),
        )
        self._task = self._progress.add_task(model, total=None, status="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def update(self, event: ProgressEvent, /) -> None:
        """Show one event."""
        self._progress.update(self._task, status=event.message)
        done, total = event.details.get("bytes"), event.details.get("total_bytes")
        if isinstance(done, int) and isinstance(total, int):
            self._progress.update(self._task, total=total, completed=done)


def summary(report: SpeechReport, output: str | None) -> str:
    """One line on what came of it."""
    first = report.first_audio_seconds or 0.0
    factor = report.real_time_factor or 0.0
    where = {None: "played", "-": "stdout"}.get(output, output)
    return (
        f"{where}: {report.audio_seconds:.1f} s of speech by {report.backend} ({report.voice}), "
        f"first audio after {first * 1000:.0f} ms, real-time factor {factor:.3f}"
    )
