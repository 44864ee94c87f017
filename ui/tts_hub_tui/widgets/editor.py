"""The editor, which marks the word that is being spoken."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.widgets import TextArea

from tts_hub_tui.storage.text_file import break_long_lines
from tts_hub_tui.terminal.control_characters import remove_control_characters

SPOKEN = Style(bold=True, reverse=True)
"""The style of the marked word, which is visible without colours too."""
PLACEHOLDER = "Type or paste what is to be spoken, or open a file with Ctrl+O.\nF5 speaks it."


class ScriptEditor(TextArea):
    """A text area that marks the spoken word, and follows it until the user scrolls."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+a", "select_all", "Select all", show=False),
    ]

    def __init__(self, text: str = "", *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(
            break_long_lines(remove_control_characters(text)),
            id=id,
            soft_wrap=True,
            tab_behavior="focus",
            show_line_numbers=False,
            placeholder=PLACEHOLDER,
        )
        self.follows = True
        """Whether the view follows the spoken word."""
        self._spoken: tuple[int, int, int] | None = None
        """The row, first column and end column of the marked word."""
        self._starts: list[int] | None = None
        """The first character of each row; None after a change of the text."""

    def load(self, text: str) -> None:
        """Replace the text, which undo takes back, and notify the user of changes that were necessary."""
        text = self._clean(text)
        self.history.checkpoint()
        self.replace(text, (0, 0), self.document.end, maintain_selection_offset=False)
        self.move_cursor((0, 0))
        self.follows = True

    async def on_paste(self, event: events.Paste) -> None:
        """Remove what the editor cannot take from a paste, before Textual inserts it."""
        event.text = self._clean(event.text)

    def _clean(self, text: str) -> str:
        plain = remove_control_characters(text)
        if plain != text:
            self.notify(f"{len(text) - len(plain)} control characters were left out.")
        broken = break_long_lines(plain)
        if broken != plain:
            self.notify("Very long lines were broken after sentences.")
        return broken

    def mark(self, span: tuple[int, int] | None) -> None:
        """Mark characters `[start, end)` of the text as being spoken; None removes the mark."""
        spoken = None
        if span is not None:
            row, column = self.location_at(span[0])
            spoken = (row, column, column + span[1] - span[0])
        if spoken == self._spoken:
            return
        self._spoken = spoken
        self.notify_style_update()  # it empties the cache of drawn lines
        self.refresh()
        if spoken is not None and self.follows:
            self._scroll_to_word(spoken[0], spoken[1])

    def location_at(self, position: int) -> tuple[int, int]:
        """The row and column of a character of the text."""
        if self._starts is None:
            lines, newline = self.document.lines, len(self.document.newline)
            self._starts = [0, *accumulate(len(line) + newline for line in lines)]
        row = min(bisect_right(self._starts, position) - 1, self.document.line_count - 1)
        return row, position - self._starts[row]

    def get_line(self, line_index: int) -> Text:
        """A line of the text, with the mark."""
        line = super().get_line(line_index)
        if self._spoken is not None and self._spoken[0] == line_index:
            line.stylize(SPOKEN, self._spoken[1], self._spoken[2])
        return line

    def on_text_area_changed(self) -> None:
        """Forget the positions of rows and of the mark."""
        self._starts = None
        self._spoken = None

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Stop following the spoken word."""
        self.follows = False

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Stop following the spoken word."""
        self.follows = False

    def _scroll_to_word(self, row: int, column: int) -> None:
        y = self.wrapped_document.location_to_offset((row, column)).y
        top, height = round(self.scroll_offset.y), self.content_size.height
        if not top <= y < top + height:
            self.scroll_to(y=max(0, y - height // 3), animate=False)
