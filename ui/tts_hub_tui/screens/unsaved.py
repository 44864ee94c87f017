"""The dialog that keeps the user from leaving while files are still to be written."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Footer, Label, Static

from tts_hub_tui.jobs.queue import JobQueue


class LeaveUnsaved(ModalScreen[bool]):
    """A list of files. Dismissed with whether to leave, and by itself once all are written."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(False)", "Stay"),
        Binding("l", "dismiss(True)", "Leave without them"),
    ]

    def __init__(self, queue: JobQueue) -> None:
        super().__init__()
        self._queue = queue

    def compose(self) -> ComposeResult:
        """The files that are not written yet."""
        with Vertical(classes="dialog small"):
            yield Label("Some files are not written yet", classes="title")
            yield Static("", id="unsaved", markup=False)
            yield Label("The studio leaves as soon as they are.", classes="hint")
            yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        """Release the jobs that are held, as their files are to be written too, and follow them."""
        self._queue.release()
        self._show()
        self.set_interval(0.2, self._show)

    def _show(self) -> None:
        unsaved = self._queue.unsaved
        self.query_one("#unsaved", Static).update("\n".join(str(export.path) for export in unsaved))
        if not unsaved and self.is_current:
            self.dismiss(True)
