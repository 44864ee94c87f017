"""The state of each engine, and downloading the files of models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen, Screen
from textual.widgets import DataTable, Footer, Label, OptionList, ProgressBar, Static

from tts_hub.types import ModelFiles
from tts_hub_tui.hubs.download import Downloads
from tts_hub_tui.hubs.interface import Catalogue, EngineInfo
from tts_hub_tui.hubs.watch import EngineWatch

PULSE = 0.2
"""Seconds between two looks at the engines and the download."""


class EnginesScreen(Screen[str | None]):
    """A table of engines. Dismissed with the name of the engine to use, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f4", "dismiss(None)", "Back"),
        Binding("enter", "use", "Use it"),
        Binding("p", "pull", "Pull its model"),
        Binding("s", "stop_pulling", "Stop pulling"),
        Binding("r", "refresh_engines", "Refresh"),
    ]

    def __init__(self, engines: EngineWatch, downloads: Downloads) -> None:
        super().__init__()
        self._watch = engines
        self._downloads = downloads
        self._engines: dict[str, EngineInfo] = {}
        self._shown: tuple[Catalogue, str] | None = None

    def compose(self) -> ComposeResult:
        """A table, the engine under the cursor, and the download."""
        yield DataTable(cursor_type="row", zebra_stripes=True)
        yield Static("", id="details", markup=False)
        with Vertical(id="pull"):
            yield Static("", id="pull-text", markup=False)
            yield ProgressBar(total=None, show_eta=True)
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        """Follow the state of the engines, which may load while this is open."""
        self.query_one(DataTable).add_columns("engine", "state", "files", "in memory", "models")
        self.query_one(DataTable).focus()
        self._refresh()
        self.set_interval(PULSE, self._refresh)

    def action_refresh_engines(self) -> None:
        """Ask the hub now."""
        self._watch.refresh()

    def _refresh(self) -> None:
        self._show_pull()
        shown = self._watch.catalogue, self._watch.error
        if shown != self._shown:
            self._shown = shown
            self._show(self._watch.catalogue)

    @on(DataTable.RowSelected)
    def action_use(self) -> None:
        """Use the engine for the next texts."""
        engine = self._chosen()
        if engine is not None:
            self.dismiss(engine.name)

    @on(DataTable.RowHighlighted)
    def _show_details(self) -> None:
        self._describe()

    @work(exclusive=True, group="dialog")
    async def action_pull(self) -> None:
        """Download files that the engine lacks; the download outlives this screen."""
        engine, running = self._chosen(), self._downloads.latest
        wanting = files_to_pull(engine) if engine is not None else []
        if running is not None and not running.is_over:
            self.notify(
                f"{running.files.model} is being downloaded; s stops it.", severity="warning", markup=False
            )
        elif not wanting:
            self.notify("There are no files to download for it.")
        else:
            files = wanting[0] if len(wanting) == 1 else await self.app.push_screen_wait(PickFiles(wanting))
            if files is not None:
                self.app.run_worker(self._downloads.run(files))  # of the app, so that it outlives this screen

    def action_stop_pulling(self) -> None:
        """Stop the download; what has arrived is kept."""
        if self._downloads.latest is not None:
            self._downloads.latest.stop()

    def _show_pull(self) -> None:
        pull = self._downloads.latest
        self.query_one("#pull").display = pull is not None
        if pull is not None:
            self.query_one("#pull-text", Static).update(pull.line)
            self.query_one(ProgressBar).update(total=pull.total_bytes, progress=pull.bytes or 0)

    def _show(self, catalogue: Catalogue) -> None:
        table = self.query_one(DataTable)
        row = table.cursor_row
        self._engines = {engine.name: engine for engine in catalogue.engines}
        table.clear()
        for engine in catalogue.engines:
            auto = " (auto)" if engine.name == catalogue.auto else ""
            table.add_row(*map(Text, (engine.name + auto, *_cells(engine))), key=engine.name)
        table.move_cursor(row=min(row, max(0, table.row_count - 1)))
        self._describe()

    def _chosen(self) -> EngineInfo | None:
        table = self.query_one(DataTable)
        if not table.row_count:
            return None
        return self._engines.get(table.coordinate_to_cell_key(table.cursor_coordinate).row_key.value or "")

    def _describe(self) -> None:
        engine = self._chosen()
        lines = [engine.description or engine.name] if engine is not None else []
        if engine is not None and not engine.ready:
            lines.append(f"✗ {engine.reason}")
            lines += [f"To fix: {engine.remedy}"] if engine.remedy else []
        for files in engine.downloads if engine is not None else ():
            lines.append(describe(files))
        lines += [f"! configuration: {problem}" for problem in self._watch.catalogue.problems]
        lines += [f"✗ {self._watch.error}"] if self._watch.error else []
        self.query_one("#details", Static).update("\n".join(lines))


def complete_models(engine: EngineInfo) -> set[str]:
    """The models of which some variant is complete."""
    return {files.model for files in engine.downloads if not files.missing}


def files_to_pull(engine: EngineInfo) -> list[ModelFiles]:
    """Files to download: first the usual variant of each model that is not here at all, then the rest."""
    here = complete_models(engine)
    found: list[ModelFiles] = []
    for files in engine.downloads:
        if files.model not in here and files.model not in {each.model for each in found}:
            found.append(files)
    return found + [files for files in engine.downloads if files.missing and files not in found]


def describe(files: ModelFiles) -> str:
    """The files of a model in one line."""
    name = f"{files.model} {files.variant}".strip()
    size = f", {files.size / 1e6:.0f} MB" if files.size else ""
    return f"{name}: {'missing' if files.missing else 'here'}{size}, from {files.source}"


def _cells(engine: EngineInfo) -> list[str]:
    busy = f", {engine.active} at work" if engine.active else ""
    models = ", ".join(engine.models[:2]) + (f" … ({len(engine.models)})" if len(engine.models) > 2 else "")
    are_here = complete_models(engine).issuperset(each.model for each in engine.downloads)
    files = "here" if are_here else "missing"
    state = "✓ ready" if engine.ready else "✗ not ready"
    return [state, files if engine.downloads else "needs none", f"{engine.state}{busy}", models]


class PickFiles(ModalScreen[ModelFiles | None]):
    """A list of models. Dismissed with the files to download, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Back")]

    def __init__(self, offered: Sequence[ModelFiles]) -> None:
        super().__init__()
        self._offered = offered

    def compose(self) -> ComposeResult:
        """A list with a line for each model and variant."""
        with Vertical(classes="dialog small"):
            yield Label("Pull which?", classes="title")
            yield OptionList(*map(describe, self._offered), compact=True, markup=False)
            yield Footer(compact=True, show_command_palette=False)

    @on(OptionList.OptionSelected)
    def _pick(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._offered[event.option_index])
