"""The shape of the sound, with what has been heard standing out."""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

STEPS = " ▁▂▃▄▅▆▇█"
UNHEARD = Style(dim=True)
HEARD = Style(bold=True)


class Waveform(Widget):
    """Bars of peaks over the whole recording. A click goes there."""

    class Clicked(Message):
        """A click: `fraction` of the recording, 0 to 1."""

        def __init__(self, fraction: float) -> None:
            super().__init__()
            self.fraction = fraction

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._peaks: Sequence[float] = ()
        self._heard = 0.0

    def show(self, peaks: Sequence[float], heard: float) -> None:
        """`peaks` from 0 to 1, one a column; `heard` is the part that has been heard, 0 to 1."""
        peaks = tuple(peaks)
        if peaks != self._peaks or heard != self._heard:
            self._peaks, self._heard = peaks, heard
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """One row of the bars; the lowest one is the last."""
        width, height = self.size
        floor = height - 1 - y
        cells = [_cell(peak * height - floor) for peak in self._peaks[:width]]
        heard = round(self._heard * len(cells))
        style = self.rich_style
        return Strip(
            [
                Segment("".join(cells[:heard]), style + HEARD),
                Segment("".join(cells[heard:]), style + UNHEARD),
                Segment(" " * (width - len(cells)), style),
            ]
        )

    def on_click(self, event: events.Click) -> None:
        """Go there."""
        if self._peaks:
            self.post_message(self.Clicked(min(1.0, event.x / max(1, len(self._peaks)))))


def _cell(fill: float) -> str:
    return STEPS[max(0, min(8, round(fill * 8)))]
