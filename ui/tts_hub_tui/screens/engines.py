"""What each engine's state is, what it wants, and getting the files of models."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import Screen
from textual.widgets import DataTable, Footer, ProgressBar, Static

from tts_hub.errors import TTSHubError
from tts_hub.types import ModelFiles
from tts_hub_tui.hubs.interface import Catalogue, EngineInfo, Hub
from tts_hub_tui.studio.jobs import failure_of
from tts_hub_tui.widgets.leaving import unless_left

if TYPE_CHECKING:
    from tts_hub_tui.app import StudioApp

REFRESH, PULSE = 1.0, 0.2
"""Seconds between two looks at the engines, and at the download."""


class EnginesScreen(Screen[str | None]):
    """Dismissed with the name of an engine that is to be used."""

    app: StudioApp

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f4", "dismiss(None)", "Back"),
        Binding("enter", "use", "Use it"),
        Binding("p", "pull", "Pull its model"),
        Binding("s", "stop_pulling", "Stop pulling"),
        Binding("r", "look", "Refresh"),
    ]

    def __init__(self, hub: Hub) -> None:
        super().__init__()
        self._hub = hub
        self._engines: dict[str, EngineInfo] = {}
        self._problems: tuple[str, ...] = ()

    def compose(self) -> ComposeResult:
        """Table, the engine under the cursor, and the download."""
        yield DataTable(cursor_type="row", zebra_stripes=True)
        yield Static("", id="details", markup=False)
        with Vertical(id="pull"):
            yield Static("", id="pull-text", markup=False)
            yield ProgressBar(total=None, show_eta=True)
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        """Look at once, then again and again: engines load while this is open."""
        self._show_pull()
        self.set_interval(PULSE, self._show_pull)
        self.query_one(DataTable).add_columns("engine", "state", "files", "in memory", "models")
        self.query_one(DataTable).focus()
        self.action_look()
        self.set_interval(REFRESH, self.action_look)

    @work(exclusive=True, group="look")
    async def action_look(self) -> None:
        """Ask the hub."""
        with unless_left(self):
            try:
                self._show(await self._hub.catalogue())
            except TTSHubError as exc:
                failure = failure_of(exc)
                remedy = f" To fix: {failure.remedy}" if failure.remedy else ""
                self.query_one("#details", Static).update(f"✗ {failure.message}.{remedy}")

    @on(DataTable.RowSelected)
    def action_use(self) -> None:
        """Take the engine for what is spoken next."""
        engine = self._chosen()
        if engine is not None:
            self.dismiss(engine.name)

    @on(DataTable.RowHighlighted)
    def _highlighted(self) -> None:
        self._describe()

    def action_pull(self) -> None:
        """Fetch what is missing of the engine's model; it goes on when this screen is left."""
        engine, running = self._chosen(), self.app.pulled
        wanting = missing_of(engine) if engine is not None else None
        if running is not None and not running.is_over:
            self.notify(
                f"{running.files.model} is being pulled; s stops it.", severity="warning", markup=False
            )
        elif wanting is None:
            self.notify("There are no files to get for it.")
        else:
            self.app.pull(wanting)

    def action_stop_pulling(self) -> None:
        """What has arrived is kept."""
        if self.app.pulled is not None:
            self.app.pulled.stop()

    def _show_pull(self) -> None:
        pull = self.app.pulled
        self.query_one("#pull").display = pull is not None
        if pull is not None:
            self.query_one("#pull-text", Static).update(pull.line)
            self.query_one(ProgressBar).update(total=pull.total_bytes, progress=pull.bytes or 0)

    def _show(self, catalogue: Catalogue) -> None:
        table = self.query_one(DataTable)
        engines = {engine.name: engine for engine in catalogue.engines}
        if engines == self._engines:
            return
        place = table.cursor_row
        self._engines = engines
        table.clear()
        for engine in engines.values():
            auto = " (auto)" if engine.name == catalogue.auto else ""
            table.add_row(*map(Text, (engine.name + auto, *_cells(engine))), key=engine.name)
        table.move_cursor(row=min(place, max(0, table.row_count - 1)))
        self._problems = catalogue.problems
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
            state = "missing" if files.missing else "here"
            size = f", {files.size / 1e6:.0f} MB" if files.size else ""
            lines.append(
                f"{files.model} {files.variant}: {state}{size}, from {files.source}".replace(" :", ":")
            )
        lines += [f"! configuration: {problem}" for problem in self._problems]
        self.query_one("#details", Static).update("\n".join(lines))


def missing_of(engine: EngineInfo) -> ModelFiles | None:
    """What is to be pulled for an engine: of the first model of which no variant is here, the usual one."""
    here = {files.model for files in engine.downloads if not files.missing}
    return next((files for files in engine.downloads if files.model not in here), None)


def _cells(engine: EngineInfo) -> list[str]:
    busy = f", {engine.active} at work" if engine.active else ""
    models = ", ".join(engine.models[:2]) + (f" … ({len(engine.models)})" if len(engine.models) > 2 else "")
    files = "needs none" if not engine.downloads else "missing" if missing_of(engine) else "here"
    return ["✓ ready" if engine.ready else "✗ not ready", files, f"{engine.state}{busy}", models]
