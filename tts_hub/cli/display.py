"""What `speak` shows on a terminal while it works, and what it says at the end."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Self

import click

from tts_hub.progress import ProgressEvent
from tts_hub.report import SpeechReport


class SpeakDisplay:
    """A progress bar on a terminal, nothing in a pipe; a change of engine is told in both."""

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
        if event.stage == "fallback" and not self._quiet:
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


def summary(report: SpeechReport, output: str | None) -> str:
    """One line on what came of it."""
    first = report.first_audio_seconds or 0.0
    factor = report.real_time_factor or 0.0
    where = {None: "played", "-": "stdout"}.get(output, output)
    return (
        f"{where}: {report.audio_seconds:.1f} s of speech by {report.backend} ({report.voice}), "
        f"first audio after {first * 1000:.0f} ms, real-time factor {factor:.3f}"
    )
