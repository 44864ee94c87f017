"""A form for the options of an engine, built from the JSON Schema that it declares."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Input, Label, Select

from tts_hub_tui.widgets.field import FieldError
from tts_hub_tui.widgets.option_schema import Option, parse_options

UNSET = ""


class OptionRow(Vertical):
    """The name and field of one option."""

    def __init__(self, option: Option, value: object) -> None:
        super().__init__(classes="field")
        self.option = option
        self._value = value
        self.tooltip = option.description or None

    def compose(self) -> ComposeResult:
        """A list if the option has choices, else a line to type in."""
        with Horizontal(classes="row"):
            yield Label(self.option.name.replace("_", " "), classes="name")
            yield self._field()
        yield FieldError()

    def read(self) -> object:
        """The value of the field; `UNSET` for the engine's own default.

        Raises:
            ValueError: the field has no valid value.
        """
        field = self.query_one(".value")
        text = _text(field.value) if isinstance(field, Input | Select) else UNSET
        return self.option.parse(text) if text != UNSET else UNSET

    @on(Input.Changed)
    @on(Select.Changed)
    def _clear_error(self) -> None:
        self.query_one(FieldError).show("")

    def _field(self) -> Input | Select[str]:
        option, default = self.option, self.option.default
        given = UNSET if self._value is UNSET else _format(self._value)
        if option.kind in ("choice", "boolean"):
            names = option.choices or ("true", "false")
            shown = "engine's own" if default is None else f"{_format(default)} (default)"
            choices = [(shown, UNSET), *((name, name) for name in names)]
            value = given if given in (UNSET, *names) else UNSET
            return Select(choices, value=value, allow_blank=False, compact=True, classes="value")
        span = f"({option.range_text})" if option.range_text else ""
        hint = " ".join(part for part in (_format(default), span) if part)
        return Input(given, placeholder=hint, compact=True, classes="value")


class OptionsForm(Vertical):
    """The fields of all options of an engine."""

    class Changed(Message):
        """A field has another value."""

    def __init__(self) -> None:
        super().__init__(id="options")
        self._shown: tuple[str, list[Option]] = ("", [])

    async def show(self, engine: str, schema: Mapping[str, Any], values: Mapping[str, object]) -> None:
        """Show the options of an engine, with values that were given before.

        What the user has typed stays as long as engine and options are the same.
        """
        options = parse_options(schema)
        if (engine, options) == self._shown:
            return
        self._shown = engine, options
        await self.remove_children()
        await self.mount(*(OptionRow(option, values.get(option.name, UNSET)) for option in options))

    def read(self) -> tuple[dict[str, object], bool]:
        """The values that differ from the engine's defaults, and whether all fields are valid.

        A value that is not valid is left out, and its error is shown at the field.
        """
        found: dict[str, object] = {}
        are_valid = True
        for row in self.query(OptionRow):
            try:
                value = row.read()
            except ValueError as exc:
                row.query_one(FieldError).show(str(exc))
                are_valid = False
                continue
            if value != UNSET:
                found[row.option.name] = value
        return found, are_valid

    def on_input_changed(self, event: Input.Changed) -> None:
        """Report the change as one of the form."""
        event.stop()
        self.post_message(self.Changed())

    def on_select_changed(self, event: Select.Changed) -> None:
        """Report the change as one of the form."""
        event.stop()
        self.post_message(self.Changed())


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else UNSET


def _format(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
