"""The line below a field that says what is wrong with it."""

from __future__ import annotations

from textual.widgets import Static


class FieldError(Static):
    """Takes no room while all is well."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__("", id=id, markup=False)
        self.display = False

    def show(self, message: str) -> None:
        """Say it; nothing: all is well."""
        self.update(message)
        self.display = bool(message)
