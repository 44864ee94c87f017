"""Jobs and entries of the history as rows of a table."""

from __future__ import annotations

from tts_hub.cost.pricing import usd
from tts_hub_tui.jobs.job import Job
from tts_hub_tui.storage.entry import HistoryEntry
from tts_hub_tui.widgets.now import clock

COLUMNS = ("when", "state", "text", "voice", "length", "size", "first", "cost")
SIGNS = {"queued": "…", "waiting": "…", "speaking": "▶", "done": "✓", "stopped": "■", "failed": "✗"}


def cells(row: HistoryEntry | Job) -> list[str]:
    """The cells of a row, one for each of `COLUMNS`."""
    return _job_cells(row) if isinstance(row, Job) else _entry_cells(row)


def details(row: HistoryEntry | Job) -> str:
    """The figures and the error of an entry, and the beginning of the text."""
    text = " ".join((row.text if isinstance(row, HistoryEntry) else row.text[:500]).split())
    if isinstance(row, Job):
        return text
    facts = row.facts
    factor = f"RTF {facts.real_time_factor:.3f}" if facts.real_time_factor is not None else ""
    about = [facts.engine, facts.voice, facts.language, factor, f"{row.characters} characters", facts.hub]
    error = f"\n✗ {facts.error}" if facts.error else ""
    remedy = f" To fix: {facts.remedy}" if facts.remedy else ""
    return f"{' · '.join(part for part in about if part)}{error}{remedy}\n{text}"


def _job_cells(job: Job) -> list[str]:
    report = job.report
    seconds = job.recording.seconds if job.recording else 0.0
    return _cells(
        when=f"{job.created.astimezone():%H:%M:%S}",
        state=f"{SIGNS[job.state]} {job.state}",
        text=job.text,
        voice=(report.voice if report else "") or job.request.voice or "",
        seconds=seconds,
        size=job.recording.bytes if job.recording else 0,
        first=report.first_audio_seconds if report else None,
        cost=report.cost if report else 0.0,
    )


def _entry_cells(entry: HistoryEntry) -> list[str]:
    facts = entry.facts
    return _cells(
        when=f"{entry.created.astimezone():%d %b %H:%M}",
        state=f"{SIGNS[entry.outcome]} {entry.outcome}",
        text=entry.text,
        voice=facts.voice or str(entry.fields.get("voice", "")),
        seconds=facts.audio_seconds,
        size=entry.bytes,
        first=facts.first_audio_seconds,
        cost=facts.cost,
    )


def _cells(
    *,
    when: str,
    state: str,
    text: str,
    voice: str,
    seconds: float,
    size: int,
    first: float | None,
    cost: float,
) -> list[str]:
    line = " ".join(text[:60].split())
    return [
        when,
        state,
        f"{line[:27]}…" if len(line) > 28 else line,
        voice,
        clock(seconds),
        f"{size / 1e6:.1f} MB" if size else "",
        "" if first is None else f"{first * 1000:.0f} ms",
        usd(cost) if cost else "",
    ]
