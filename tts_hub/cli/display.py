"""The displays of long commands on a terminal, and the summary at the end of `speak`."""

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
    """The base of all displays: a progress bar on a terminal, nothing in a pipe."""

    ticks: ClassVar[bool] = False
    """Whether a second process draws the time when this one is blocked."""

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
            redirect_stdout=False,  # output for stdout belongs there, also while there is a bar
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
        """Print a line that stays, above the bar."""
        self._stop()
        click.echo(line, err=err)
        self._start()

    def _start(self) -> None:
        if self.ticks and not self._progress.disable:
            self._clock = Clock(time.monotonic() - self._began)
        self._progress.start()

    def _stop(self) -> None:
        if self._clock is not None:  # before the line is cleared, so that it does not draw on the next one
            self._clock.stop()
            self._clock = None
        self._progress.stop()


class SpeakDisplay(Bar):
    """The progress of speech; warnings are printed in a pipe as well."""

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
    """The progress of a download: bytes, speed and time left."""

    def __init__(self, model: str, *, quiet: bool) -> None:
        # slow to import, as above
        from rich.progress import DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn

        self._quiet = quiet
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
        if event.stage == "notice" and not self._quiet:
            self.say(f"note: {event.message}", err=True)
        self._progress.update(self._task, status=event.message)
        done, total = event.details.get("bytes"), event.details.get("total_bytes")
        if isinstance(done, int) and isinstance(total, int):
            self._progress.update(self._task, total=total, completed=done)


class CountDisplay(Bar):
    """The progress of a known number of things."""

    def __init__(self, total: int) -> None:
        # slow to import, as above
        from rich.progress import MofNCompleteColumn, TimeRemainingColumn

        super().__init__(MofNCompleteColumn(), TimeRemainingColumn(), description="starting")
        self._progress.update(self._task, total=total)

    def describe(self, what: str) -> None:
        """Show what is being done."""
        self._progress.update(self._task, description=what)

    def count_one(self) -> None:
        """Count one as done."""
        self._progress.advance(self._task)


def summary(report: SpeechReport, output: str | None) -> str:
    """One line about finished speech."""
    first = report.first_audio_seconds or 0.0
    factor = report.real_time_factor or 0.0
    where = {None: "played", "-": "stdout"}.get(output, output)
    return (
        f"{where}: {report.audio_seconds:.1f} s of speech by {report.backend} ({_who(report)}), "
        f"first audio after {first * 1000:.0f} ms, real-time factor {factor:.3f}"
        f"{_retaken(report)}{_estimated(report)}{_cost(report)}{_ignored(report)}"
    )


def _who(report: SpeechReport) -> str:
    return f"{report.voice}, {report.emotion}" if report.emotion else report.voice


def _ignored(report: SpeechReport) -> str:
    """What the engine has no use for, as the end of a line."""
    return f"; {report.backend} has no use for {', '.join(report.ignored)}" if report.ignored else ""


def estimate_text(estimate: CostEstimate) -> str:
    """The cost of a request, and its reason; then those of fallback engines that are not free."""
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
    """The source of the price, as the end of a line."""
    day = f" of {estimate.price_checked}" if estimate.price_checked else ""
    return f"; price{day} from {estimate.price_source}" if estimate.price_source else ""


def _estimated(report: SpeechReport) -> str:
    """A note that word timings are not measured, as the end of a line."""
    return ", word timings are estimates" if report.estimated_segments else ""


def _cost(report: SpeechReport) -> str:
    """The cost, as the end of a line; empty for free engines."""
    if not report.cost:
        return ""
    return f", cost {'about ' if report.cost_estimated else ''}{usd(report.cost)}"


def _retaken(report: SpeechReport) -> str:
    """The number of takes that engines discarded, and why, as the end of a line."""
    if not report.retakes:
        return ""
    counts = Counter(retake.reason.replace("_", " ") for retake in report.retakes)
    reasons = ", ".join(f"{number} {reason}" for reason, number in counts.items())
    return f", taken again: {reasons}"
