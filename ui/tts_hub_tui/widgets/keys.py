"""The line of keys at the bottom of the main screen, in the order of their use."""

from __future__ import annotations

from collections.abc import Iterable

from textual.binding import Binding, BindingType
from textual.widgets import Static


class KeyBar(Static):
    """Each key with what it does; a click does it too."""

    def __init__(self, bindings: Iterable[BindingType]) -> None:
        shown = [each for each in bindings if isinstance(each, Binding) and each.show]
        super().__init__(" ".join(_item(binding) for binding in shown), id="keys")


def display_key(key: str) -> str:
    """`ctrl+s` as `^s`, `f5` as `F5`."""
    name = key.split(",", maxsplit=1)[0]
    return f"^{name[5:]}" if name.startswith("ctrl+") else name.upper()


def _item(binding: Binding) -> str:
    action = binding.action if "." in binding.action else f"screen.{binding.action}"
    return f"[@click={action}()][b]{display_key(binding.key)}[/b] {binding.description}[/]"
