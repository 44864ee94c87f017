"""The width of a text in columns of a line."""

from __future__ import annotations

import unicodedata

# Categories of accents, variation selectors and joiners.
_NO_WIDTH = frozenset(["Mn", "Me", "Cf"])


def width(text: str) -> int:
    """The width in columns: a wide character of Chinese, Japanese or Korean takes two, an accent none."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def _columns(char: str) -> int:
    if unicodedata.category(char) in _NO_WIDTH:
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
