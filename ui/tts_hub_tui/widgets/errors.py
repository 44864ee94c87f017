"""Errors as notices."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from textual.widget import Widget

from tts_hub.errors import TTSHubError


@contextmanager
def notify_errors(widget: Widget) -> Generator[None, None, None]:
    """Notify the user of an error of the hub or the history, instead of ending the studio."""
    try:
        yield
    except TTSHubError as exc:
        widget.notify(str(exc), severity="error", timeout=10, markup=False)
