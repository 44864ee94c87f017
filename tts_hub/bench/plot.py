"""The result as a picture: how first-audible times are spread, and what concurrency costs."""

from __future__ import annotations

from pathlib import Path

from tts_hub.bench.measures import percentiles
from tts_hub.bench.result import Cell, Result
from tts_hub.bench.tables import load_name
from tts_hub.errors import BackendUnavailableError, OutputError


def plot(result: Result, path: Path) -> None:
    """Draw into a PNG or SVG file, by its suffix.

    Raises:
        BackendUnavailableError: matplotlib is not installed.
        OutputError: the file cannot be written.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as exc:
        message = "drawing needs matplotlib, which is not installed"
        raise BackendUnavailableError(
            message, backend="bench", remedy="pip install 'tts-hub[bench]'"
        ) from exc
    figure = Figure(figsize=(11, 7.5), layout="constrained")
    spread, cost = figure.subplots(1, 2)
    cells = [cell for cell in result.cells if cell.samples]
    for cell in cells:
        times = sorted(sample.first_audible * 1000 for sample in cell.samples)
        shares = [(number + 1) / len(times) for number in range(len(times))]
        spread.step(times, shares, where="post", label=_label(cell))
    spread.set(xlabel="first audible, ms", ylabel="share of requests", title="Latency")
    for name, points in _by_streams(cells).items():
        cost.plot(*zip(*points, strict=True), marker="o", label=name)
    cost.set(xlabel="streams at once", ylabel="real-time factor (p50)", title="Concurrency")
    for axes in (spread, cost):
        axes.grid(alpha=0.3)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(fontsize=7, loc="upper center", bbox_to_anchor=(0.5, -0.12))
    try:
        figure.savefig(path)
    except (OSError, ValueError) as exc:
        raise OutputError(f"cannot draw into {path}: {exc}") from exc


def _label(cell: Cell) -> str:
    return f"{cell.target} {cell.model} {cell.response_format} {cell.text}, {load_name(cell)}"


def _by_streams(cells: list[Cell]) -> dict[str, list[tuple[int, float]]]:
    lines: dict[str, list[tuple[int, float]]] = {}
    for cell in cells:
        if cell.streams is not None:
            factor = percentiles([sample.real_time_factor for sample in cell.samples])["p50"]
            name = f"{cell.target} {cell.model} {cell.response_format} {cell.text}"
            lines.setdefault(name, []).append((cell.streams, factor))
    return {name: sorted(points) for name, points in lines.items()}
