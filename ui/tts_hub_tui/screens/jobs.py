"""The queue of this session and the history of all: hear again, speak again, export, forget."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Literal

import anyio
from anyio.to_thread import run_sync as in_thread
from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.coordinate import Coordinate
from textual.screen import Screen
from textual.widgets import DataTable, Footer, Input, Static

from tts_hub.errors import OutputError
from tts_hub.pricing import usd
from tts_hub_tui.jobs.job import Job
from tts_hub_tui.storage.history import Entry, History
from tts_hub_tui.widgets.now import clock

if TYPE_CHECKING:
    from tts_hub_tui.jobs.queue import Desk

What = Literal["hear", "again", "edit", "export"]
REFRESH, PATIENCE = 0.5, 0.15
"""Seconds between two looks at what is being made, and without typing before it is searched."""
COLUMNS = ("when", "state", "text", "voice", "length", "size", "first", "cost")
SIGNS = {"queued": "…", "waiting": "…", "speaking": "▶", "done": "✓", "stopped": "■", "failed": "✗"}


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be done with which entry."""

    what: What
    entry: Entry


class JobsScreen(Screen[Wish | None]):
    """Dismissed with a wish that the main screen sees to."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f3", "dismiss(None)", "Back"),
        Binding("enter", "wish('hear')", "Hear"),
        Binding("r", "wish('again')", "Speak again"),
        Binding("t", "wish('edit')", "Edit text"),
        Binding("e", "wish('export')", "Export"),
        Binding("s", "stop", "Stop"),
        Binding("delete,d", "remove", "Forget"),
        Binding("slash", "search", "Search"),
    ]

    def __init__(self, desk: Desk, history: History) -> None:
        super().__init__()
        self._desk = desk
        self._history = history
        self._rows: dict[str, Entry | Job] = {}
        self._cells: dict[str, list[str]] = {}

    def compose(self) -> ComposeResult:
        """Search, table, and all about the row under the cursor."""
        yield Input(placeholder="Search texts and voices", compact=True, id="search")
        yield DataTable(cursor_type="row", zebra_stripes=True)
        yield Static("", id="details", markup=False)
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        """The newest first."""
        table = self.query_one(DataTable)
        table.add_columns(*COLUMNS)
        table.focus()
        self.run_worker(self._follow())

    @on(Input.Changed)
    @work(exclusive=True, group="search")
    async def _searched(self) -> None:
        await anyio.sleep(PATIENCE)
        await self._fill()

    @on(Input.Submitted)
    def _done_searching(self) -> None:
        self.query_one(DataTable).focus()

    @on(DataTable.RowSelected)
    def _selected(self) -> None:
        self.action_wish("hear")

    @on(DataTable.RowHighlighted)
    def _highlighted(self) -> None:
        self.query_one("#details", Static).update(self._details())

    def action_search(self) -> None:
        """Type what is looked for."""
        self.query_one(Input).focus()

    @work(exclusive=True, group="wish")
    async def action_wish(self, what: What) -> None:
        """Hand the entry to the main screen."""
        row = self._row()
        if row is None:
            return
        if isinstance(row, Job) and not row.is_over and what in ("hear", "export"):
            self.notify("It is not finished yet.", severity="warning")
            return
        entry = row if isinstance(row, Entry) else row.entry()
        if entry.outcome == "waiting" and what == "hear":
            what = "again"  # nothing of it was heard yet
        if what in ("hear", "export") and not entry.bytes:
            self.notify("Its recording is gone; r speaks it again.", severity="warning")
            return
        try:
            whole = await in_thread(self._history.whole, entry) if isinstance(row, Entry) else entry
        except OutputError as exc:
            self.notify(str(exc), severity="error", markup=False)
            return
        if isinstance(row, Job):
            whole = replace(whole, outcome="stopped")  # spoken again, it is a job of its own
        self.dismiss(Wish(what, whole))

    def action_stop(self) -> None:
        """Take it out of the queue, or stop its engine."""
        row = self._row()
        job = next((each for each in self._desk.jobs if row is not None and each.id == row.id), None)
        if job is not None:
            self._desk.stop(job)
            self._fill_soon()

    def action_remove(self) -> None:
        """Forget the entry and its recording."""
        row = self._row()
        if isinstance(row, Job):
            self.notify("Stop it first (s).", severity="warning")
        elif row is not None:
            self._desk.forget(row.id)
            try:
                self._history.remove(row)
            except OutputError as exc:
                self.notify(str(exc), severity="error", markup=False)
            self._fill_soon()

    @work(exclusive=True, group="search")
    async def _fill_soon(self) -> None:
        await self._fill()

    def _row(self) -> Entry | Job | None:
        return self._rows.get(self._chosen_name())

    def _chosen_name(self) -> str:
        table = self.query_one(DataTable)
        if not table.row_count:
            return ""
        return table.coordinate_to_cell_key(table.cursor_coordinate).row_key.value or ""

    async def _fill(self) -> None:
        """Anew where rows have come or gone, else only the cells that changed."""
        found = await self._found()
        if not self.is_attached:
            return
        table = self.query_one(DataTable)
        self._rows = found
        cells = {
            name: _job_cells(row) if isinstance(row, Job) else _cells(row) for name, row in self._rows.items()
        }
        if list(cells) == list(self._cells):
            for row, name in enumerate(cells):
                for column, (old, new) in enumerate(zip(self._cells[name], cells[name], strict=True)):
                    if old != new:
                        table.update_cell_at(Coordinate(row, column), Text(new))
        else:
            place, chosen = table.cursor_row, self._chosen_name()
            table.clear()
            for name, values in cells.items():
                table.add_row(*map(Text, values), key=name)
            if chosen in cells:
                place = list(cells).index(chosen)  # the cursor stays on its entry
            table.move_cursor(row=min(place, max(0, table.row_count - 1)))
        self._cells = cells
        self.query_one("#details", Static).update(self._details() or "Nothing was spoken yet.")

    async def _found(self) -> dict[str, Entry | Job]:
        """What is being made or waits, then the history."""
        search = self.query_one(Input).value.strip()
        rows: dict[str, Entry | Job] = {
            job.id: job
            for job in reversed(self._desk.jobs)
            if not job.is_over and search.casefold() in job.text.casefold()
        }
        try:
            for entry in await in_thread(self._history.entries, search):
                rows.setdefault(entry.id, entry)
        except OutputError as exc:
            self.notify(str(exc), severity="error", markup=False)
        return rows

    async def _follow(self) -> None:
        """Anew while something is being made, or has just been."""
        await self._fill()
        while True:
            await anyio.sleep(REFRESH)
            if any(isinstance(row, Job) for row in self._rows.values()) or self._desk.is_busy:
                await self._fill()

    def _details(self) -> str:
        row = self._row()
        if row is None:
            return ""
        text = " ".join((row.text if isinstance(row, Entry) else row.text[:500]).split())
        if isinstance(row, Job):
            return text
        facts = row.facts
        factor = f"RTF {facts.real_time_factor:.3f}" if facts.real_time_factor is not None else ""
        about = [
            facts.engine,
            facts.voice,
            facts.language,
            factor,
            f"{row.characters} characters",
            facts.place,
        ]
        error = f"\n✗ {facts.error}" if facts.error else ""
        remedy = f" To fix: {facts.remedy}" if facts.remedy else ""
        return f"{' · '.join(part for part in about if part)}{error}{remedy}\n{text}"


def _job_cells(job: Job) -> list[str]:
    report = job.report
    seconds = job.recording.seconds if job.recording else 0.0
    return _row_of(
        when=f"{job.created.astimezone():%H:%M:%S}",
        state=f"{SIGNS[job.state]} {job.state}",
        text=job.text,
        voice=(report.voice if report else "") or job.request.voice or "",
        seconds=seconds,
        size=job.recording.bytes if job.recording else 0,
        first=report.first_audio_seconds if report else None,
        cost=report.cost if report else 0.0,
    )


def _cells(entry: Entry) -> list[str]:
    facts = entry.facts
    return _row_of(
        when=f"{entry.created.astimezone():%d %b %H:%M}",
        state=f"{SIGNS[entry.outcome]} {entry.outcome}",
        text=entry.text,
        voice=facts.voice or str(entry.fields.get("voice", "")),
        seconds=facts.audio_seconds,
        size=entry.bytes,
        first=facts.first_audio_seconds,
        cost=facts.cost,
    )


def _row_of(
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
