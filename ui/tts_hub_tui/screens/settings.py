"""The settings of the config file; editing keeps its comments."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen, Screen
from textual.widgets import DataTable, Footer, Input, Label, Static

from tts_hub.config_file.editing import edit, file_to_edit
from tts_hub.config_file.listing import Setting, settings
from tts_hub.config_file.loading import load_config
from tts_hub.config_file.values import parse_value
from tts_hub.engines.registry import Registry
from tts_hub.errors import ConfigError
from tts_hub_tui.widgets.field import FieldError


class SettingsScreen(Screen[None]):
    """A table of settings with their values and where these come from."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f9", "dismiss(None)", "Back"),
        Binding("enter", "edit", "Edit"),
        Binding("u", "unset", "Back to the default"),
        Binding("slash", "search", "Search"),
    ]

    def __init__(self, config_file: Path | None, on_written: Callable[[str, Any], None]) -> None:
        """`config_file` is the one named on the command line; `on_written` is called with key and value."""
        super().__init__()
        self._config_file = config_file
        self._on_written = on_written
        self._settings: dict[str, Setting] = {}
        self._search = ""

    def compose(self) -> ComposeResult:
        """A search, a table, and the description of the setting under the cursor."""
        yield Input(placeholder="Search settings", compact=True, id="search")
        yield DataTable(cursor_type="row", zebra_stripes=True)
        yield Static("", id="details", markup=False)
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        """List the settings in the order of the config file."""
        self.query_one(DataTable).add_columns("setting", "value", "from")
        self.query_one(DataTable).focus()
        self._read()

    @on(Input.Changed)
    def _search_settings(self, event: Input.Changed) -> None:
        self._search = event.value.casefold()
        self._fill()

    @on(Input.Submitted)
    def _focus_table(self) -> None:
        self.query_one(DataTable).focus()

    @on(DataTable.RowHighlighted)
    def _show_details(self) -> None:
        setting = self._chosen()
        self.query_one("#details", Static).update(describe(setting) if setting is not None else "")

    @on(DataTable.RowSelected)
    def action_edit(self) -> None:
        """Edit the value of the setting."""
        setting = self._chosen()
        if setting is not None:
            self.app.push_screen(EditSetting(setting), lambda text: self._write(setting, text))

    def action_unset(self) -> None:
        """Remove the value from the file."""
        setting = self._chosen()
        if setting is not None:
            self._write_value(setting, None)

    def action_search(self) -> None:
        """Put the keyboard into the search."""
        self.query_one("#search", Input).focus()

    def _write(self, setting: Setting, text: str | None) -> None:
        if text is not None:
            self._write_value(setting, parse_value(setting, text))

    def _write_value(self, setting: Setting, value: Any) -> None:
        file = file_to_edit(self._config_file)
        try:
            changed = edit(file, {setting.key: value})
        except ConfigError as exc:
            self.notify(str(exc), title="Not written", severity="error", timeout=10, markup=False)
            return
        if changed:
            later = "" if setting.key.startswith("studio.theme") else " It takes effect at the next start."
            self.notify(f"Written to {file}.{later}", title=setting.key, markup=False)
            self._on_written(setting.key, setting.default if value is None else value)
        if setting.locked_by:
            self.notify(f"{setting.locked_by} overrides the file.", severity="warning", markup=False)
        self._read()

    def _read(self) -> None:
        try:
            loaded = load_config(self._config_file)
            registry = Registry(loaded.config.backends, loaded.config.remote)
            self._settings = {setting.key: setting for setting in settings(loaded, registry)}
        except ConfigError as exc:
            self.query_one("#details", Static).update(f"✗ {exc}")
            return
        self._fill()

    def _fill(self) -> None:
        table = self.query_one(DataTable)
        row = table.cursor_row
        table.clear()
        for key, setting in self._settings.items():
            if self._search in f"{key} {setting.description} {setting.section}".casefold():
                source = "" if setting.source == "default" else Path(setting.source).name
                table.add_row(Text(key), Text(_list_value(setting)), Text(source), key=key)
        table.move_cursor(row=min(row, max(0, table.row_count - 1)))
        self._show_details()

    def _chosen(self) -> Setting | None:
        table = self.query_one(DataTable)
        if not table.row_count:
            return None
        return self._settings.get(table.coordinate_to_cell_key(table.cursor_coordinate).row_key.value or "")


class EditSetting(ModalScreen[str | None]):
    """A value to type. Dismissed with a text that is a value of the setting, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Back")]

    def __init__(self, setting: Setting) -> None:
        super().__init__()
        self._setting = setting

    def compose(self) -> ComposeResult:
        """The description of the setting, and a field."""
        setting = self._setting
        value = "" if setting.is_secret or setting.value is None else _format(setting.value)
        with Vertical(classes="dialog small"):
            yield Label(setting.key, classes="title", markup=False)
            yield Static(describe(setting), markup=False, classes="hint")
            yield Input(value, password=setting.is_secret, compact=True)
            yield FieldError()
            yield Footer(compact=True, show_command_palette=False)

    @on(Input.Changed)
    def _clear_error(self) -> None:
        self.query_one(FieldError).show("")

    @on(Input.Submitted)
    def _submit(self, event: Input.Submitted) -> None:
        try:
            parse_value(self._setting, event.value)
        except ConfigError as exc:
            self.query_one(FieldError).show(str(exc))
        else:
            self.dismiss(event.value)


def describe(setting: Setting) -> str:
    """The meaning of a setting and its possible values."""
    choices = ", ".join(_format(choice) for choice in setting.choices)
    low, high = setting.minimum, setting.maximum
    span = ""
    if low is not None or high is not None:
        above = f"{'above' if setting.open_minimum else 'from'} {low:g}" if low is not None else ""
        span = " ".join(part for part in (above, f"up to {high:g}" if high is not None else "") if part)
    rows = [
        setting.description or setting.section,
        f"{setting.kind}{f': {choices}' if choices else ''}{f', {span}' if span else ''}",
        f"default: {_format(setting.default)}; now from: {setting.source}",
        f"{setting.locked_by} overrides the file" if setting.locked_by else "",
    ]
    return "\n".join(row for row in rows if row)


def _list_value(setting: Setting) -> str:
    """The value as the list shows it; the entries of a table have rows of their own."""
    if setting.kind == "table" and isinstance(setting.value, dict):
        return f"{len(setting.value)} below" if setting.value else ""
    return _format(setting.value)


def _format(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
