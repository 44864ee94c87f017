"""A form for the options of an engine, made from the JSON Schema that it declares."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Input, Label, Select

from tts_hub_tui.widgets.field import FieldError

UNSET = ""


@dataclass(frozen=True, slots=True)
class Option:
    """One option, as its schema describes it."""

    name: str
    kind: str
    """`number`, `integer`, `boolean`, `string`, `choice`, or `json` for anything else."""
    description: str
    default: object
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    excludes_minimum: bool = False
    excludes_maximum: bool = False

    def parse(self, text: str) -> object:
        """The value that a person wrote.

        Raises:
            ValueError: it is none; the message says what would be.
        """
        if self.kind in ("string", "choice"):
            return text
        if self.kind == "boolean":
            return text == "true"
        if self.kind == "json":
            return json.loads(text)
        try:
            value = int(text) if self.kind == "integer" else float(text)
        except ValueError:
            raise ValueError(f"a {'whole ' if self.kind == 'integer' else ''}number is needed") from None
        if not self._allows(value):
            raise ValueError(f"{self.range_text} is possible")
        return value

    @property
    def range_text(self) -> str:
        """`0 to 1`, or empty."""
        if self.minimum is None and self.maximum is None:
            return ""
        if self.maximum is None:
            return f"{'above' if self.excludes_minimum else 'from'} {self.minimum:g}"
        if self.minimum is None:
            return f"{'below' if self.excludes_maximum else 'up to'} {self.maximum:g}"
        return f"{self.minimum:g} to {self.maximum:g}"

    def _allows(self, value: float) -> bool:
        low, high = self.minimum, self.maximum
        above = low is None or value > low or (value == low and not self.excludes_minimum)
        below = high is None or value < high or (value == high and not self.excludes_maximum)
        return above and below


def options_of(schema: Mapping[str, Any]) -> list[Option]:
    """Those that a JSON Schema of an object declares."""
    required = schema.get("properties", {})
    return [_option(name, _resolved(part, schema)) for name, part in required.items()]


def _resolved(part: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """With references followed, and what may be null taken for what else it may be."""
    merged = dict(part)
    for choice in (part, *part.get("allOf", ()), *part.get("anyOf", ())):
        reference = choice.get("$ref", "")
        found = schema.get("$defs", {}).get(
            reference.rpartition("/")[2], choice if choice is not part else {}
        )
        if found.get("type") != "null":
            merged = {**found, **{k: v for k, v in merged.items() if v is not None}}
            if choice is not part and found:
                break
    return merged


def _option(name: str, part: Mapping[str, Any]) -> Option:
    kind = part.get("type", "json")
    choices = tuple(str(choice) for choice in part.get("enum", ()))
    if choices:
        kind = "choice"
    elif kind not in ("number", "integer", "boolean", "string"):
        kind = "json"
    low, high = part.get("minimum"), part.get("maximum")
    return Option(
        name=name,
        kind=kind,
        description=part.get("description", ""),
        default=part.get("default"),
        choices=choices,
        minimum=part.get("exclusiveMinimum", low),
        maximum=part.get("exclusiveMaximum", high),
        excludes_minimum="exclusiveMinimum" in part,
        excludes_maximum="exclusiveMaximum" in part,
    )


class OptionRow(Vertical):
    """Name and field of one option."""

    def __init__(self, option: Option, value: object) -> None:
        super().__init__(classes="field")
        self.option = option
        self._given = value
        self.tooltip = option.description or None

    def compose(self) -> ComposeResult:
        """A list for choices, else a line."""
        with Horizontal(classes="row"):
            yield Label(self.option.name.replace("_", " "), classes="name")
            yield self._field()
        yield FieldError()

    def read(self) -> object:
        """The value; `UNSET` for the engine's own default.

        Raises:
            ValueError: what is written there is none.
        """
        field = self.query_one(".value")
        text = _text(field.value) if isinstance(field, Input | Select) else UNSET
        return self.option.parse(text) if text != UNSET else UNSET

    @on(Input.Changed)
    @on(Select.Changed)
    def _value_changed(self) -> None:
        self.query_one(FieldError).show("")

    def _field(self) -> Input | Select[str]:
        option, default = self.option, self.option.default
        given = UNSET if self._given is UNSET else _written(self._given)
        if option.kind in ("choice", "boolean"):
            names = option.choices or ("true", "false")
            shown = "engine's own" if default is None else f"{_written(default)} (default)"
            choices = [(shown, UNSET), *((name, name) for name in names)]
            value = given if given in (UNSET, *names) else UNSET
            return Select(choices, value=value, allow_blank=False, compact=True, classes="value")
        span = f"({option.range_text})" if option.range_text else ""
        hint = " ".join(part for part in (_written(default), span) if part)
        return Input(given, placeholder=hint, compact=True, classes="value")


class OptionsForm(Vertical):
    """All options of an engine."""

    class Changed(Message):
        """Somebody wrote or chose something."""

    def __init__(self) -> None:
        super().__init__(id="options")
        self._shown: tuple[str, list[Option]] = ("", [])

    async def show(self, engine: str, schema: Mapping[str, Any], values: Mapping[str, object]) -> None:
        """Ask for the options of an engine, with values that were given before.

        What is written stays as long as engine and options are the same.
        """
        options = options_of(schema)
        if (engine, options) == self._shown:
            return
        self._shown = engine, options
        await self.remove_children()
        await self.mount(*(OptionRow(option, values.get(option.name, UNSET)) for option in options))

    def read(self) -> tuple[dict[str, object], bool]:
        """What differs from the engine's defaults, and whether that is all that is written.

        What is no value is left out, and its field says why.
        """
        found: dict[str, object] = {}
        is_sound = True
        for row in self.query(OptionRow):
            try:
                value = row.read()
            except ValueError as exc:
                row.query_one(FieldError).show(str(exc))
                is_sound = False
                continue
            if value != UNSET:
                found[row.option.name] = value
        return found, is_sound

    def on_input_changed(self, event: Input.Changed) -> None:
        """Tell whoever listens."""
        event.stop()
        self.post_message(self.Changed())

    def on_select_changed(self, event: Select.Changed) -> None:
        """Tell whoever listens."""
        event.stop()
        self.post_message(self.Changed())


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else UNSET


def _written(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
