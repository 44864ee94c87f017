"""What long commands show on a terminal while they work, and what `speak` says at the end."""

from __future__ import annotations

import sys
import time
from collections import Counter
from types import TracebackType
from typing import TYPE_CHECKING, ClassVar, Self

import click

from tts_hub.cli.clock import Clock
from tts_hub.cost.pricing import CostEstimate, EngineEstimate, usd
from tts_hub.progress import ProgressEvent
from tts_hub.report import SpeechReport

if TYPE_CHECKING:
    from rich.progress import ProgressColumn
    from rich.text import Text


class Bar:
    """A bar of progress on a terminal, nothing in a pipe: the base of what the long commands show."""

    ticks: ClassVar[bool] = False
    """Something in this process may keep the bar from being drawn; the time is to go on."""

    def __init__(self, *columns: ProgressColumn, description: str, quiet: bool = False) -> None:
        # rich is slow to import: only for a command that shows a bar.
        from rich.console import Console
        from rich.progress import BarColumn, Progress, Task, TextColumn, TimeElapsedColumn

        class Elapsed(TimeElapsedColumn):
            def render(column, task: Task) -> Text:  # noqa: N805 - `self` is the bar
                if self._clock is not None:
                    self._clock.beat()
                return super().render(task)

        self._clock: Clock | None = None
        self._progress = Progress(
            Elapsed(),  # in the first column: the clock draws there too
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            *columns,
            console=Console(stderr=True),
            transient=True,
            redirect_stdout=False,  # what goes to stdout belongs there, also while there is a bar
            disable=quiet or sys.stderr is None or not sys.stderr.isatty(),
        )
        self._task = self._progress.add_task(description, total=None, status="")
        self._began = time.monotonic()

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def say(self, line: str, *, err: bool) -> None:
        """A line that stays, above the bar."""
        self._stop()
        click.echo(line, err=err)
        self._start()

    def _start(self) -> None:
        if self.ticks and not self._progress.disable:
            self._clock = Clock(time.monotonic() - self._began)
        self._progress.start()

    def _stop(self) -> None:
        if self._clock is not None:  # before the line is cleared: it must not draw on what comes next
            self._clock.stop()
            self._clock = None
        self._progress.stop()


class SpeakDisplay(Bar):
    """How far the speech has come; what went wrong is told in a pipe as well."""

    ticks = True

    def __init__(self, *, quiet: bool) -> None:
        # slow to import, as above
        from rich.progress import TextColumn

        self._quiet = quiet
        super().__init__(TextColumn("{task.fields[status]}"), description="starting", quiet=quiet)

    def update(self, event: ProgressEvent, /) -> None:
        """Show one event."""
        if event.message and event.stage in ("fallback", "segment", "notice") and not self._quiet:
            self.say(f"{'note' if event.stage == 'notice' else 'warning'}: {event.message}", err=True)
        self._progress.update(
            self._task,
            description=event.backend,
            status=event.message or f"{event.audio_seconds:.1f} s of speech",
        )
        if event.fraction is not None:
            self._progress.update(self._task, total=1.0, completed=event.fraction)


class DownloadDisplay(Bar):
    """Bytes, speed and time left."""

    def __init__(self, model: str, *, quiet: bool) -> None:
        # slow to import, as above
        from rich.progress import DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn

        super().__init__(
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[status]}"),
            description=model,
            quiet=quiet,
        )

    def update(self, event: ProgressEvent, /) -> None:
        """Show one event."""
        self._progress.update(self._task, status=event.message)
        done, total = event.details.get("bytes"), event.details.get("total_bytes")
        if isinstance(done, int) and isinstance(total, int):
            self._progress.update(self._task, total=total, completed=done)


class CountDisplay(Bar):
    """How many of a known number are done."""

    def __init__(self, total: int) -> None:
        # slow to import, as above
        from rich.progress import MofNCompleteColumn, TimeRemainingColumn

        super().__init__(MofNCompleteColumn(), TimeRemainingColumn(), description="starting")
        self._progress.update(self._task, total=total)

    def describe(self, what: str) -> None:
        """Say what is being done."""
        self._progress.update(self._task, description=what)

    def count_one(self) -> None:
        """Count one."""
        self._progress.advance(self._task)


def summary(report: SpeechReport, output: str | None) -> str:
    """One line on what came of it."""
    first = report.first_audio_seconds or 0.0
    factor = report.real_time_factor or 0.0
    where = {None: "played", "-": "stdout"}.get(output, output)
    return (
        f"{where}: {report.audio_seconds:.1f} s of speech by {report.backend} ({report.voice}), "
        f"first audio after {first * 1000:.0f} ms, real-time factor {factor:.3f}"
        f"{_retaken(report)}{_estimated(report)}{_cost(report)}"
    )


def estimate_text(estimate: CostEstimate) -> str:
    """What a request would cost, and why; then the same of engines that may stand in and are not free."""
    pieces = "1 segment" if estimate.segments == 1 else f"{estimate.segments} segments"
    what = f"{estimate.characters} characters in {pieces}, about {estimate.audio_seconds:.1f} s of speech"
    others = [f"\nif it fails: {_likely(other)}" for other in estimate.fallbacks if other.cost_high]
    return f"{_likely(estimate)}: {what}{_price(estimate)}" + "".join(others)


def _likely(estimate: EngineEstimate) -> str:
    engine = f"by {estimate.backend} ({estimate.model})"
    if not estimate.cost_high:
        return f"free {engine}"
    is_exact = estimate.cost_low == estimate.cost_high
    span = "" if is_exact else f" ({usd(estimate.cost_low)} to {usd(estimate.cost_high)})"
    return f"about {usd(estimate.cost)}{span} {engine}"


def _price(estimate: EngineEstimate) -> str:
    """Where the price stands, as an end of the line."""
    day = f" of {estimate.price_checked}" if estimate.price_checked else ""
    return f"; price{day} from {estimate.price_source}" if estimate.price_source else ""


def _estimated(report: SpeechReport) -> str:
    """That the times of words are no measured ones, as an end of the line."""
    return ", word timings are estimates" if report.estimated_segments else ""


def _cost(report: SpeechReport) -> str:
    """What was paid for it, as an end of the line; free engines have none."""
    if not report.cost:
        return ""
    return f", cost {'about ' if report.cost_estimated else ''}{usd(report.cost)}"


def _retaken(report: SpeechReport) -> str:
    """How often an engine began anew, and why, as an end of the line."""
    if not report.retakes:
        return ""
    counts = Counter(retake.reason.replace("_", " ") for retake in report.retakes)
    reasons = ", ".join(f"{number} {reason}" for reason, number in counts.items())
    return f", taken again: {reasons}"
