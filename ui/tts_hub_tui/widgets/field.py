"""The line below a field that shows its error."""

from __future__ import annotations

from textual.widgets import Static


class FieldError(Static):
    """An error; it takes no room while there is none."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__("", id=id, markup=False)
        self.display = False

    def show(self, message: str) -> None:
        """Show an error; an empty message removes it."""
        self.update(message)
        self.display = bool(message)
