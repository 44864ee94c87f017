"""A check box that is told apart without colours."""

from __future__ import annotations

from textual.widgets import Checkbox


class Tick(Checkbox):
    """`X` or nothing, where Textual's own always has its `X`, in another colour."""

    def on_mount(self) -> None:
        """As it begins."""
        self._draw()

    def on_checkbox_changed(self) -> None:
        """As it is now."""
        self._draw()

    def _draw(self) -> None:
        self.BUTTON_INNER = "X" if self.value else " "
        self.refresh()
