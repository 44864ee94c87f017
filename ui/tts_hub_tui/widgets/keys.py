"""The line of keys at the bottom of the main screen."""

from __future__ import annotations

from collections.abc import Iterable

from textual.binding import Binding, BindingType
from textual.widgets import Static


class KeyBar(Static):
    """Keys and their actions, in the order of the bindings; a click on one performs its action."""

    def __init__(self, bindings: Iterable[BindingType]) -> None:
        shown = [each for each in bindings if isinstance(each, Binding) and each.show]
        super().__init__(" ".join(_item(binding) for binding in shown), id="keys")


def display_key(key: str) -> str:
    """The key as it is displayed: `^s` for `ctrl+s`, `F5` for `f5`."""
    name = key.split(",", maxsplit=1)[0]
    return f"^{name[5:]}" if name.startswith("ctrl+") else name.upper()


def _item(binding: Binding) -> str:
    action = binding.action if "." in binding.action else f"screen.{binding.action}"
    return f"[@click={action}()][b]{display_key(binding.key)}[/b] {binding.description}[/]"
