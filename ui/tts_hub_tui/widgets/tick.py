"""A check box whose state is visible without colours."""

from __future__ import annotations

from textual.widgets import Checkbox


class Tick(Checkbox):
    """Shows `X` or nothing, where Textual's own shows `X` in another colour."""

    def on_mount(self) -> None:
        """Draw the first state."""
        self._draw()

    def on_checkbox_changed(self) -> None:
        """Draw the new state."""
        self._draw()

    def _draw(self) -> None:
        self.BUTTON_INNER = "X" if self.value else " "
        self.refresh()
