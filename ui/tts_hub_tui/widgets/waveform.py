"""The waveform of a recording."""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

STEPS = " ▁▂▃▄▅▆▇█"
UNPLAYED = Style(dim=True)
PLAYED = Style(bold=True)


class Waveform(Widget):
    """Bars of peaks over the whole recording; the part that was played stands out."""

    class Clicked(Message):
        """A click at a `fraction` of the recording, 0 to 1."""

        def __init__(self, fraction: float) -> None:
            super().__init__()
            self.fraction = fraction

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._peaks: Sequence[float] = ()
        self._played = 0.0

    def show(self, peaks: Sequence[float], played: float) -> None:
        """Draw `peaks`, 0 to 1, one a column; `played` is the part that was played, 0 to 1."""
        peaks = tuple(peaks)
        if peaks != self._peaks or played != self._played:
            self._peaks, self._played = peaks, played
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """One row of the bars, the highest first."""
        width, height = self.size
        floor = height - 1 - y
        cells = [_cell(peak * height - floor) for peak in self._peaks[:width]]
        played = round(self._played * len(cells))
        style = self.rich_style
        return Strip(
            [
                Segment("".join(cells[:played]), style + PLAYED),
                Segment("".join(cells[played:]), style + UNPLAYED),
                Segment(" " * (width - len(cells)), style),
            ]
        )

    def on_click(self, event: events.Click) -> None:
        """Report the place of the click."""
        if self._peaks:
            self.post_message(self.Clicked(min(1.0, event.x / max(1, len(self._peaks)))))


def _cell(fill: float) -> str:
    return STEPS[max(0, min(8, round(fill * 8)))]
