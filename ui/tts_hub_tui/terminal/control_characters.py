"""Control characters in what is shown: a terminal would obey them."""

from __future__ import annotations

import re

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")
NOT_IN_TEXT = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")
"""Those that a text has no use for; the others are white space."""


def remove_control_characters(text: str) -> str:
    """The text without the control characters that have no place in one."""
    return NOT_IN_TEXT.sub("", text)


class ControlCharacterFilter(LineFilter):
    """Takes the control characters out of every line that is drawn.

    Names and messages of servers, file names and old texts are shown in many places: this is the one
    through which all of it passes.
    """

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The same line, without them; they have no width, so nothing moves."""
        if not any(CONTROLS.search(segment.text) for segment in segments):
            return segments
        return [Segment(CONTROLS.sub("", text), style, control) for text, style, control in segments]
