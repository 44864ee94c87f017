"""The queue and the history: jobs to play, speak again, export or delete."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

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
from tts_hub_tui.jobs.job import Job
from tts_hub_tui.jobs.queue import JobQueue
from tts_hub_tui.screens.job_rows import COLUMNS, cells, details
from tts_hub_tui.storage.entry import HistoryEntry
from tts_hub_tui.storage.history import History

Action = Literal["play", "speak", "edit", "export"]
REFRESH, PATIENCE = 0.5, 0.15
"""Seconds between two looks at running jobs, and without typing before a search."""


@dataclass(frozen=True, slots=True)
class EntryAction:
    """What the user wants to do with an entry of the history."""

    action: Action
    entry: HistoryEntry


class JobsScreen(Screen[EntryAction | None]):
    """A table of jobs and entries. Dismissed with an action for the main screen, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f3", "dismiss(None)", "Back"),
        Binding("enter", "choose('play')", "Hear"),
        Binding("r", "choose('speak')", "Speak again"),
        Binding("t", "choose('edit')", "Edit text"),
        Binding("e", "choose('export')", "Export"),
        Binding("s", "stop", "Stop"),
        Binding("delete,d", "remove", "Forget"),
        Binding("slash", "search", "Search"),
    ]

    def __init__(self, queue: JobQueue, history: History) -> None:
        super().__init__()
        self._queue = queue
        self._history = history
        self._rows: dict[str, HistoryEntry | Job] = {}
        self._cells: dict[str, list[str]] = {}

    def compose(self) -> ComposeResult:
        """A search, a table, and the details of the row under the cursor."""
        yield Input(placeholder="Search texts and voices", compact=True, id="search")
        yield DataTable(cursor_type="row", zebra_stripes=True)
        yield Static("", id="details", markup=False)
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        """Fill the table, and keep it up to date."""
        table = self.query_one(DataTable)
        table.add_columns(*COLUMNS)
        table.focus()
        self.run_worker(self._refresh())

    @on(Input.Changed)
    @work(exclusive=True, group="search")
    async def _search_soon(self) -> None:
        await anyio.sleep(PATIENCE)
        await self._fill()

    @on(Input.Submitted)
    def _focus_table(self) -> None:
        self.query_one(DataTable).focus()

    @on(DataTable.RowSelected)
    def _play_selected(self) -> None:
        self.action_choose("play")

    @on(DataTable.RowHighlighted)
    def _show_details(self) -> None:
        self.query_one("#details", Static).update(self._details())

    def action_search(self) -> None:
        """Put the keyboard into the search."""
        self.query_one(Input).focus()

    @work(exclusive=True, group="choose")
    async def action_choose(self, action: Action) -> None:
        """Check that the action is possible, and close."""
        row = self._row()
        if row is None:
            return
        if isinstance(row, Job) and not row.is_over and action in ("play", "export"):
            self.notify("It is not finished yet.", severity="warning")
            return
        entry = row if isinstance(row, HistoryEntry) else row.entry()
        if entry.outcome == "waiting" and action == "play":
            action = "speak"  # nothing of it was spoken yet
        if action in ("play", "export") and not entry.bytes:
            self.notify("Its recording is gone; r speaks it again.", severity="warning")
            return
        try:
            whole = (
                await in_thread(self._history.with_text, entry) if isinstance(row, HistoryEntry) else entry
            )
        except OutputError as exc:
            self.notify(str(exc), severity="error", markup=False)
            return
        if isinstance(row, Job):
            whole = replace(whole, outcome="stopped")  # if it is spoken again, it is another job
        self.dismiss(EntryAction(action, whole))

    def action_stop(self) -> None:
        """Remove the job from the queue, or stop its engine."""
        row = self._row()
        job = next((each for each in self._queue.jobs if row is not None and each.id == row.id), None)
        if job is not None:
            self._queue.stop(job)
            self._fill_soon()

    def action_remove(self) -> None:
        """Delete the entry and its recording."""
        row = self._row()
        if isinstance(row, Job):
            self.notify("Stop it first (s).", severity="warning")
        elif row is not None:
            self._queue.forget(row.id)
            try:
                self._history.remove(row)
            except OutputError as exc:
                self.notify(str(exc), severity="error", markup=False)
            self._fill_soon()

    @work(exclusive=True, group="search")
    async def _fill_soon(self) -> None:
        await self._fill()

    def _row(self) -> HistoryEntry | Job | None:
        return self._rows.get(self._chosen_id())

    def _chosen_id(self) -> str:
        table = self.query_one(DataTable)
        if not table.row_count:
            return ""
        return table.coordinate_to_cell_key(table.cursor_coordinate).row_key.value or ""

    async def _fill(self) -> None:
        """Fill the table anew if rows have come or gone, else update the cells that changed."""
        found = await self._find_rows()
        if not self.is_attached:
            return
        table = self.query_one(DataTable)
        self._rows = found
        shown = {name: cells(row) for name, row in self._rows.items()}
        if list(shown) == list(self._cells):
            for row, name in enumerate(shown):
                for column, (old, new) in enumerate(zip(self._cells[name], shown[name], strict=True)):
                    if old != new:
                        table.update_cell_at(Coordinate(row, column), Text(new))
        else:
            row_number, chosen = table.cursor_row, self._chosen_id()
            table.clear()
            for name, values in shown.items():
                table.add_row(*map(Text, values), key=name)
            if chosen in shown:
                row_number = list(shown).index(chosen)  # the cursor stays on its entry
            table.move_cursor(row=min(row_number, max(0, table.row_count - 1)))
        self._cells = shown
        self.query_one("#details", Static).update(self._details() or "Nothing was spoken yet.")

    async def _find_rows(self) -> dict[str, HistoryEntry | Job]:
        """The jobs that are not over, then the history."""
        search = self.query_one(Input).value.strip()
        rows: dict[str, HistoryEntry | Job] = {
            job.id: job
            for job in reversed(self._queue.jobs)
            if not job.is_over and search.casefold() in job.text.casefold()
        }
        try:
            for entry in await in_thread(self._history.entries, search):
                rows.setdefault(entry.id, entry)
        except OutputError as exc:
            self.notify(str(exc), severity="error", markup=False)
        return rows

    async def _refresh(self) -> None:
        """Update the table again and again while jobs run."""
        await self._fill()
        while True:
            await anyio.sleep(REFRESH)
            if any(isinstance(row, Job) for row in self._rows.values()) or self._queue.is_busy:
                await self._fill()

    def _details(self) -> str:
        row = self._row()
        return details(row) if row is not None else ""
