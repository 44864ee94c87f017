"""The help: how to begin, and all keys."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from rich.table import Table
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Footer, Static

BEGINNING = """\
Type or paste a text, press F5, listen. Playback starts while the rest is still being generated; the word
being spoken is marked in the text. Ctrl+S saves it in any format, with captions. Ctrl+P finds every command
by its name.
"""


class HelpScreen(ModalScreen[None]):
    """How to begin, and a table of keys for each screen."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,f1,q", "dismiss", "Back")]

    def __init__(self, parts: Sequence[tuple[str, Iterable[BindingType]]]) -> None:
        """`parts` are pairs of a title and the bindings below it."""
        super().__init__()
        self._parts = parts

    def compose(self) -> ComposeResult:
        """The text, then the tables."""
        with Vertical(classes="dialog"):
            with VerticalScroll():
                yield Static(BEGINNING, markup=False)
                for where, bindings in self._parts:
                    yield Static(where, classes="title", markup=False)
                    yield Static(_table(bindings))
            yield Footer(compact=True, show_command_palette=False)


def _table(bindings: Iterable[BindingType]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(width=22)
    table.add_column()
    for binding in bindings:
        if isinstance(binding, Binding) and binding.description:
            keys = ", ".join(_display_key(key) for key in binding.key.split(","))
            table.add_row(keys, binding.tooltip or binding.description)
    return table


def _display_key(key: str) -> str:
    names = {"escape": "Esc", "pageup": "PgUp", "pagedown": "PgDn", "enter": "Enter", "space": "Space"}
    parts = [names.get(part, part.upper() if len(part) < 3 else part.title()) for part in key.split("+")]
    return "+".join(parts)
