"""The result as a picture: how first-audible times are spread, and what concurrency costs."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from tts_hub.bench.result import Cell, Result
from tts_hub.errors import BackendUnavailableError, OutputError, install_command

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SUFFIXES = (".png", ".svg")
ROW_INCHES = 0.22
COLOURS = 10
"""Colours of matplotlib before it starts again with the first one."""
LINES = ("-", "--", ":", "-.")


def plot(result: Result, path: Path) -> None:
    """Draw a result into a PNG or SVG file, by its suffix.

    Raises:
        BackendUnavailableError: matplotlib is not installed.
        OutputError: the file cannot be written.
    """
    require_matplotlib()
    from matplotlib.figure import Figure  # an optional package, slow to import

    cells = [cell for cell in result.cells if cell.samples]
    figure = Figure(figsize=(14, max(5.0, 1.5 + ROW_INCHES * len(cells))), layout="constrained")
    spread, cost = figure.subplots(1, 2, width_ratios=(3, 2))
    _draw_latency(spread, cells)
    _draw_cost(cost, cells)
    for axes in (spread, cost):
        axes.grid(alpha=0.3)
    try:
        figure.savefig(path)
    except (OSError, ValueError) as exc:
        raise OutputError(f"cannot draw into {path}: {exc}") from exc


def require_matplotlib() -> None:
    """Raise `BackendUnavailableError` when it is not installed."""
    if importlib.util.find_spec("matplotlib") is None:
        message = "drawing needs matplotlib, which is not installed"
        raise BackendUnavailableError(message, backend="bench", remedy=install_command("bench"))


def _draw_latency(axes: Axes, cells: list[Cell]) -> None:
    """Draw every request as a dot, and each cell as a row of dots."""
    for height, cell in enumerate(cells):
        times = [sample.first_audible * 1000 for sample in cell.samples]
        axes.plot(times, [height] * len(times), "o", color="tab:blue", alpha=0.3, markersize=4)
        found = cell.percentiles["first_audible"]
        axes.plot(found["p50"] * 1000, height, "|", color="black", markersize=12)
        axes.plot(found["p95"] * 1000, height, "|", color="tab:red", markersize=12)
    names = [f"{_label(cell)}, {cell.load}" for cell in cells]
    axes.set_yticks(range(len(cells)), names, fontsize=7)
    axes.set(xlabel="first audible, ms (black: p50, red: p95)", title="Latency", xlim=(0, None))
    axes.invert_yaxis()


def _draw_cost(axes: Axes, cells: list[Cell]) -> None:
    """Draw the real-time factor over the number of streams at once."""
    for number, (name, points) in enumerate(_by_streams(cells).items()):
        style = LINES[number // COLOURS % len(LINES)]
        axes.plot(*zip(*points, strict=True), marker="o", linestyle=style, label=name)
    axes.set(xlabel="streams at once", ylabel="real-time factor (p50)", title="Concurrency")
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=7)


def _label(cell: Cell) -> str:
    voice = f" {cell.voice}" if cell.voice else ""
    side = f"{cell.configuration}: " if cell.configuration != "A" else ""
    return f"{side}{cell.target} {cell.model}{voice} {cell.response_format} {cell.text}"


def _by_streams(cells: list[Cell]) -> dict[str, list[tuple[int, float]]]:
    lines: dict[str, list[tuple[int, float]]] = {}
    for cell in cells:
        if cell.streams is not None:
            factor = cell.percentiles["real_time_factor"]["p50"]
            lines.setdefault(_label(cell), []).append((cell.streams, factor))
    return {name: sorted(points) for name, points in lines.items()}
