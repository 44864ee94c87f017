"""The result as a table for people, in Markdown or on a terminal."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence

from tts_hub.bench.comparing import Ratio
from tts_hub.bench.result import Cell, Result

HEAD = (
    "target",
    "model",
    "format",
    "text",
    "load",
    "ok",
    "byte ms",
    "first audio p50/p95",
    "first audible p50/p95/p99",
    "RTF",
    "gap ms",
    "underruns",
    "CPU ms/s",
    "MB",
)
"""Times are in ms and medians, unless the head says more. byte: the first; gap: the longest between two
pieces of a request; RTF: real-time factor."""
WIDTHS = (7, 6, 6, 12, 10, 7, 7, 19, 25, 6, 6, 10, 8, 4)
"""Widths of the columns while their cells are not known yet."""
RATIO_HEAD = ("cell", "measure", "A", "B", "B / A", "95 % interval", "verdict")
MISSING = "-"
LEAST_CPU = 0.1
"""CPU seconds: less is lost in the system's clock, which moves in steps of 10 ms."""
BUSY_CLIENT = 0.5
"""Part of a core: the times of a busier benchmark are partly its own, not the server's."""


def row(cell: Cell, *, compared: bool = False) -> tuple[str, ...]:
    """The row of a cell; with `compared` it names the side, A or B."""
    target = f"{cell.configuration}: {cell.target}" if compared else cell.target
    model = cell.model if cell.voice is None else f"{cell.model} {cell.voice}"
    whole = f"{len(cell.samples)}/{len(cell.samples) + len(cell.failures)}"
    front = (target, model, cell.response_format, cell.text, cell.load, whole)
    if not cell.samples:
        return (*front, *[MISSING] * (len(HEAD) - len(front)))
    dry = sum(sample.underruns for sample in cell.samples)
    stood = sum(sample.underrun_seconds for sample in cell.samples)
    return (
        *front,
        _ms(cell, "first_byte", "p50"),
        _ms(cell, "first_audio", "p50", "p95"),
        _ms(cell, "first_audible", "p50", "p95", "p99"),
        f"{cell.percentiles['real_time_factor']['p50']:.4f}",
        _ms(cell, "longest_gap", "p50"),
        f"{dry} ({stood:.2f} s)" if dry else "0",
        _cpu(cell),
        MISSING if cell.peak_memory_mb is None else f"{cell.peak_memory_mb:.0f}",
    )


def rows(cells: Sequence[Cell]) -> list[tuple[str, ...]]:
    """One row for each cell."""
    compared = any(cell.configuration != "A" for cell in cells)
    return [row(cell, compared=compared) for cell in cells]


def _ms(cell: Cell, measure: str, *percentiles: str) -> str:
    return " / ".join(f"{cell.percentiles[measure][p] * 1000:.1f}" for p in percentiles)


def _cpu(cell: Cell) -> str:
    if cell.cpu_seconds is None or cell.cpu_seconds < LEAST_CPU:
        return MISSING
    return f"{cell.cpu_seconds * 1000 / sum(sample.audio_seconds for sample in cell.samples):.1f}"


def notes(cells: Sequence[Cell]) -> Iterator[str]:
    """Lines beside the figures: what went wrong, how often, and which times are not the server's alone."""
    for cell in cells:
        for failure, count in Counter(cell.failures).items():
            yield f"failure: {cell.name}: {count} x {failure}"
    for cell in cells:
        busy = (cell.client_cpu_seconds or 0.0) / max(cell.wall_seconds, 1e-9)
        if busy > BUSY_CLIENT:
            yield (
                f"note: {cell.name}: the benchmark itself kept a core busy for {busy:.0%} of the time; "
                "its times are partly its own"
            )


def ratio_rows(ratios: Sequence[Ratio]) -> Iterator[tuple[str, ...]]:
    """One row for each ratio."""
    for ratio in ratios:
        plain = ratio.measure == "real_time_factor"
        a, b = (f"{v:.4f}" if plain else f"{v * 1000:.1f} ms" for v in (ratio.a, ratio.b))
        unknown = math.isnan(ratio.ratio)
        yield (
            ratio.cell,
            ratio.measure.replace("_", " "),
            MISSING if unknown else a,
            MISSING if unknown else b,
            MISSING if unknown else f"{ratio.ratio:.3f}",
            MISSING if math.isnan(ratio.low) else f"{ratio.low:.3f} to {ratio.high:.3f}",
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
        *table(HEAD, rows(result.cells)),
    ]
    listed = [f"- {note}" for note in notes(result.cells)]
    return "\n".join([*lines, *(["", *listed] if listed else [])]) + "\n"


def table(head: Sequence[str], lines: Sequence[Sequence[str]], least: Sequence[int] = ()) -> list[str]:
    """The lines of a Markdown table; `least` gives the least width of each column."""
    all_lines = [head, *lines]
    widths = [
        max(wanted, *(len(line[column]) for line in all_lines))
        for column, wanted in enumerate(least or [3] * len(head))
    ]
    rule = ["-" * width for width in widths]
    return [
        f"| {' | '.join(text.ljust(width) for text, width in zip(line, widths, strict=True))} |"
        for line in (head, rule, *lines)
    ]
