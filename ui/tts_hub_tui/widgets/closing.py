"""Workers that wake up when what they work on is being taken down."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from textual.css.query import NoMatches
from textual.dom import DOMNode


@contextmanager
def unless_left(node: DOMNode) -> Generator[None, None, None]:
    """What is not found on a screen that is closing, or in an app that is, is no error."""
    try:
        yield
    except NoMatches:
        if node.app.is_running and node.is_attached:
            raise
