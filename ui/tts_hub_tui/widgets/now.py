"""The job that is generated or played now."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from tts_hub.cost.pricing import usd
from tts_hub_tui.jobs.job import Job
from tts_hub_tui.jobs.queue import JobQueue
from tts_hub_tui.widgets.waveform import Waveform

SIGNS = {"playing": "▶", "waiting": "…", "paused": "⏸", "idle": "■"}
METER = 8
"""Columns of the level meter."""


class NowPlaying(Vertical):
    """Waveform, level, times, progress, warning and failure of a job."""

    def compose(self) -> ComposeResult:
        """The waveform, and lines below it."""
        yield Waveform(id="waveform")
        yield Static("Nothing spoken yet.", id="clock", markup=False)
        yield Static("", id="progress", markup=False)
        yield Static("", id="warning", markup=False)
        yield Static("", id="failure", markup=False)

    def on_mount(self) -> None:
        """Hide the lines for warning and failure."""
        self._show_line("warning", "")
        self._show_line("failure", "")

    def show(self, job: Job | None, queue: JobQueue) -> None:
        """Show the progress of a job and the position of its playback."""
        if job is None:
            return
        player = queue.player
        waveform = self.query_one(Waveform)
        recording = job.recording
        is_played = recording is not None and player.recording is recording
        position = player.position if is_played else 0.0
        seconds = recording.seconds if recording is not None else 0.0
        peaks = recording.peaks(waveform.size.width) if recording is not None and seconds else ()
        waveform.show(peaks, position / seconds if seconds else 0.0)
        sign = SIGNS[player.state] if is_played else SIGNS["idle"]
        level = player.level if is_played and player.state == "playing" else 0.0
        line = f"{sign} {clock(position)} / {clock(seconds)} {_meter(level)}  {_beginning(job.text)}"
        self.query_one("#clock", Static).update(line)
        self.query_one("#progress", Static).update(_progress(job, queue))
        self._show_line("warning", f"! {job.warnings[-1]}" if job.warnings else "")
        self._show_line("failure", _failure(job))

    def _show_line(self, name: str, text: str) -> None:
        line = self.query_one(f"#{name}", Static)
        line.update(text)
        line.display = bool(text)


def clock(seconds: float) -> str:
    """A time as `0:03.2` or `1:02:03`."""
    if seconds < 3600:
        tenths = round(seconds * 10)
        return f"{tenths // 600}:{tenths // 10 % 60:02}.{tenths % 10}"
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def facts(job: Job) -> list[str]:
    """The figures of a job, each as a short text."""
    report = job.report
    if report is None:
        return []
    found = [f"{report.backend} {report.voice}".strip()]
    if report.first_audio_seconds is not None:
        found.append(f"first audio {report.first_audio_seconds * 1000:.0f} ms")
    if report.real_time_factor is not None:
        found.append(f"RTF {report.real_time_factor:.3f}")
    if report.cost:
        found.append(("about " if report.cost_estimated else "") + usd(report.cost))
    return found


def _progress(job: Job, queue: JobQueue) -> str:
    parts = [_stage(job), *facts(job)]
    left = job.seconds_left
    if left is not None:
        parts.append(f"{clock(left)} left")
    if queue.is_held and queue.player.state == "idle":
        parts.append(f"{queue.unplayed} held: F6 continues")
    elif queue.is_paused:
        parts.append("paused: F6 continues")
    elif queue.unplayed:
        parts.append(f"{queue.unplayed} waiting")
    saving = [export.path.name for export in queue.unsaved]
    if saving:
        parts.append(f"saving {', '.join(saving)} …")
    return " · ".join(part for part in parts if part)


def _stage(job: Job) -> str:
    if job.state != "speaking" or job.event is None:
        return "spoken" if job.state == "done" else job.state
    event = job.event
    if event.stage in ("queued", "loading", "downloading", "generating"):
        return f"{event.stage} {event.backend}{': ' + event.message if event.message else ''}"
    of = f" of {event.segments}" if event.segments else ""
    percent = f" ({job.fraction:.{0 if job.fraction > 0.1 else 1}%})" if job.fraction else ""
    return f"generating segment {job.segments_done + 1}{of}{percent}"


def _failure(job: Job) -> str:
    failure = job.failure
    if failure is None:
        return ""
    where = f"at character {failure.position}: " if failure.position else ""
    return f"✗ {where}{failure.line}"


def _beginning(text: str) -> str:
    line = " ".join(text[:120].split())
    return f"“{line[:59]}…”" if len(line) > 60 else f"“{line}”"


def _meter(level: float) -> str:
    full = round(min(1.0, level) * METER)
    return "[" + "■" * full + " " * (METER - full) + "]"
