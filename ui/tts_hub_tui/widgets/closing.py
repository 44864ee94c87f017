"""Work that ends while its screen is being closed."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from textual.css.query import NoMatches
from textual.dom import DOMNode


@contextmanager
def ignore_closed(node: DOMNode) -> Generator[None, None, None]:
    """Ignore that a widget is not found if the node, or the whole app, is being closed."""
    try:
        yield
    except NoMatches:
        if node.app.is_running and node.is_attached:
            raise
