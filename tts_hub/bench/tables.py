"""The result for people: rows of a table, as Markdown or on a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tts_hub.bench.comparing import Ratio
from tts_hub.bench.measures import percentiles
from tts_hub.bench.result import Cell, Result

HEAD = (
    "target",
    "model",
    "format",
    "text",
    "load",
    "ok",
    "first byte ms",
    "first audio ms",
    "first audible ms (p50 / p95 / p99)",
    "real-time factor",
    "longest gap ms",
    "underruns",
    "CPU ms/s",
    "MB",
)
RATIO_HEAD = ("cell", "measure", "A", "B", "B / A", "95 % interval", "verdict")
MISSING = "-"


def rows(cells: Sequence[Cell]) -> Iterator[tuple[str, ...]]:
    """One row a cell; times are medians unless the head says more."""
    for cell in cells:
        yield row(cell)


def row(cell: Cell) -> tuple[str, ...]:
    """The row of a cell."""
    whole = f"{len(cell.samples)}/{len(cell.samples) + len(cell.failures)}"
    front = (cell.target, cell.model, cell.response_format, cell.text, load_name(cell), whole)
    if not cell.samples:
        return (*front, *[MISSING] * (len(HEAD) - len(front)))
    audible = percentiles([sample.first_audible for sample in cell.samples])
    dry = sum(sample.underruns for sample in cell.samples)
    stood = sum(sample.underrun_seconds for sample in cell.samples)
    seconds = sum(sample.audio_seconds for sample in cell.samples)
    return (
        *front,
        _median_ms(cell, "first_byte"),
        _median_ms(cell, "first_audio"),
        " / ".join(f"{audible[p] * 1000:.1f}" for p in ("p50", "p95", "p99")),
        f"{_median(cell, 'real_time_factor'):.4f}",
        _median_ms(cell, "longest_gap"),
        f"{dry} ({stood:.2f} s)" if dry else "0",
        MISSING if cell.cpu_seconds is None else f"{cell.cpu_seconds * 1000 / seconds:.1f}",
        MISSING if cell.peak_memory_mb is None else f"{cell.peak_memory_mb:.0f}",
    )


def load_name(cell: Cell) -> str:
    """`4 streams`, or `2.5/s`."""
    if cell.rate is not None:
        return f"{cell.rate:g}/s"
    return f"{cell.streams} stream" + ("s" if cell.streams != 1 else "")


def ratio_rows(ratios: Sequence[Ratio]) -> Iterator[tuple[str, ...]]:
    """One row a ratio."""
    for ratio in ratios:
        unit, scale = ("", 1.0) if ratio.measure == "real_time_factor" else (" ms", 1000.0)
        yield (
            ratio.cell,
            ratio.measure.replace("_", " "),
            f"{ratio.a * scale:.3g}{unit}",
            f"{ratio.b * scale:.3g}{unit}",
            f"{ratio.ratio:.3f}",
            f"{ratio.low:.3f} to {ratio.high:.3f}",
            ratio.verdict,
        )


def markdown(result: Result) -> str:
    """The whole result as a Markdown document."""
    machine = result.machine
    packages = ", ".join(f"{name} {version}" for name, version in machine.packages.items())
    lines = [
        f"`{result.command}` on {result.began}, seed {result.seed}",
        "",
        f"{machine.processor or machine.platform}, {machine.cores} cores, "
        f"Python {machine.python}; {packages}",
        "",
        *table(HEAD, list(rows(result.cells))),
    ]
    failures = [
        f"- {cell.target} {cell.text}: {failure}" for cell in result.cells for failure in cell.failures
    ]
    if failures:
        lines += ["", "Failures:", "", *failures]
    return "\n".join(lines) + "\n"


def table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a Markdown table."""
    rule = ["---"] * len(head)
    return [f"| {' | '.join(cells)} |" for cells in (head, rule, *lines)]


def _median(cell: Cell, measure: str) -> float:
    return percentiles([float(getattr(sample, measure)) for sample in cell.samples])["p50"]


def _median_ms(cell: Cell, measure: str) -> str:
    return f"{_median(cell, measure) * 1000:.1f}"
