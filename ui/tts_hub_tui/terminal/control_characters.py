"""Control characters, which a terminal would obey, and their removal."""

from __future__ import annotations

import re

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")
NOT_IN_TEXT = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")
"""Control characters other than white space."""


def remove_control_characters(text: str) -> str:
    """The text without control characters other than white space."""
    return NOT_IN_TEXT.sub("", text)


class ControlCharacterFilter(LineFilter):
    """Removes control characters from every line that is drawn.

    Names and messages of servers, file names and old texts are drawn in many widgets; all of it passes here.
    """

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The line without control characters; they have no width, so nothing moves."""
        if not any(CONTROLS.search(segment.text) for segment in segments):
            return segments
        return [Segment(CONTROLS.sub("", text), style, control) for text, style, control in segments]
