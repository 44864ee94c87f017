"""`tts-hub bench`: measure engines and faces; `tts-hub bench compare`: what a difference is worth."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import click

from tts_hub.bench.comparing import compare as compare_results
from tts_hub.bench.comparing import compare_cells
from tts_hub.bench.plan import HTTP, LIBRARY, Plan, Side, Watcher, run_plan, side_with
from tts_hub.bench.result import Cell, Result, load, save
from tts_hub.bench.running import Load
from tts_hub.bench.tables import HEAD, RATIO_HEAD, markdown, ratio_rows, row, table
from tts_hub.bench.texts import NAMES
from tts_hub.cli.main import run
from tts_hub.errors import BackendUnavailableError, OutputError

QUICK = Plan(
    sides=(),
    texts=("sentence", "paragraph"),
    formats=("wav", "mp3"),
    loads=(Load(streams=1, requests=12), Load(streams=8, requests=24)),
    warm_up=1,
)
FULL = Plan(
    sides=(),
    texts=("word", "sentence", "paragraph", "page", "unpunctuated", "numbers"),
    formats=("wav", "mp3", "opus"),
    loads=tuple(Load(streams=n, requests=max(20, 3 * n)) for n in (1, 4, 8, 16)),
)
FAILED = 1
"""Exit code when a stream was broken or short."""


@click.group(invoke_without_command=True)
@click.option("--quick", is_flag=True, help="A trustworthy table in a minute or two.")
@click.option(
    "-t", "--target", "targets", multiple=True, help="library, http (our own server), or a base URL."
)
@click.option("--url", "urls", multiple=True, help="The same as --target with a base URL.")
@click.option("--api-key", help="Key for the servers that are measured.")
@click.option("-m", "--model", default="auto", show_default=True)
@click.option("--voice")
@click.option("--text", "texts", multiple=True, help=f"Repeatable: {', '.join(NAMES)}.")
@click.option("--format", "formats", multiple=True, help="Repeatable.")
@click.option(
    "--streams", type=click.IntRange(1, 1000), multiple=True, help="At once (closed loop). Repeatable."
)
@click.option(
    "--rate", type=float, multiple=True, help="Requests a second at random times (open loop). Repeatable."
)
@click.option("--requests", type=click.IntRange(1), help="Of each cell.")
@click.option(
    "--versus",
    multiple=True,
    metavar="NAME=VALUE",
    help="Measure in turns with target, model or voice changed.",
)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write the result here.")
@click.option("--markdown", "markdown_file", type=click.Path(path_type=Path), help="Write a table here.")
@click.option("--plot", "plot_file", type=click.Path(path_type=Path), help="Draw a PNG or SVG here.")
@click.pass_context
def bench(ctx: click.Context, /, **given: Any) -> None:
    """Measure time to audible sound, gaps, underruns, speed and cost, as a listener would notice them."""
    if ctx.invoked_subcommand is not None:
        return
    _require_packages()
    plan = _plan(given, ctx.obj)
    with _Table(plan) as shown:
        result = run(lambda: run_plan(plan, shown))
    _write(result, given)
    if plan.versus is not None:
        _tell_versus(result)
    failures = [failure for cell in result.cells for failure in cell.failures]
    for failure in failures[:5]:
        click.echo(f"failure: {failure}", err=True)
    ctx.exit(FAILED if failures else 0)


@bench.command()
@click.argument("a", type=click.Path(path_type=Path))
@click.argument("b", type=click.Path(path_type=Path))
def compare(a: Path, b: Path) -> None:
    """Ratios of two results, with the noise they carry."""
    ratios = compare_results(load(a), load(b))
    if not ratios:
        raise click.ClickException(f"{a} and {b} have no cell in common")
    for line in table(RATIO_HEAD, list(ratio_rows(ratios))):
        click.echo(line)


class _Table(Watcher):
    """A progress bar on a terminal, and each row when it is known."""

    def __init__(self, plan: Plan) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
            disable=not sys.stderr.isatty(),
        )
        self._task = self._progress.add_task("warming up", total=plan.requests)
        for line in table(HEAD, []):
            click.echo(line)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def began(self, what: str) -> None:
        self._progress.update(self._task, description=what)

    def request_done(self) -> None:
        self._progress.advance(self._task)

    def cell_done(self, cell: Cell) -> None:
        click.echo(f"| {' | '.join(row(cell))} |")


def _plan(given: dict[str, Any], config_file: Path | None) -> Plan:
    base = QUICK if given["quick"] else FULL
    names = (*given["targets"], *given["urls"]) or (LIBRARY, HTTP)
    sides = tuple(Side(name, given["model"], given["voice"], given["api_key"]) for name in names)
    return Plan(
        sides=sides,
        versus=side_with(sides[0], given["versus"]) if given["versus"] else None,
        texts=given["texts"] or base.texts,
        formats=given["formats"] or base.formats,
        loads=_loads(given, base),
        warm_up=base.warm_up,
        seed=given["seed"],
        command="tts-hub " + shlex.join(sys.argv[1:]),
        config_file=config_file,
    )


def _loads(given: dict[str, Any], base: Plan) -> tuple[Load, ...]:
    closed = [Load(streams=n, requests=given["requests"] or max(20, 3 * n)) for n in given["streams"]]
    opened = [Load(streams=None, rate=rate, requests=given["requests"] or 50) for rate in given["rate"]]
    chosen = (*closed, *opened)
    if chosen or given["requests"] is None:
        return chosen or base.loads
    return tuple(
        Load(streams=load.streams, rate=load.rate, requests=given["requests"]) for load in base.loads
    )


def _write(result: Result, given: dict[str, Any]) -> None:
    if given["json_file"] is not None:
        save(result, given["json_file"])
    if given["markdown_file"] is not None:
        _to_file(lambda path: path.write_text(markdown(result), encoding="utf-8"), given["markdown_file"])
    if given["plot_file"] is not None:
        from tts_hub.bench.plot import plot

        plot(result, given["plot_file"])


def _to_file(write: Callable[[Path], object], path: Path) -> None:
    try:
        write(path)
    except OSError as exc:
        raise OutputError(f"cannot write {path}: {exc.strerror}") from exc


def _tell_versus(result: Result) -> None:
    """Cells come in pairs: A, then B."""
    click.echo("")
    pairs = zip(result.cells[::2], result.cells[1::2], strict=True)
    ratios = [ratio for a, b in pairs for ratio in compare_cells(a, b, paired=True, seed=result.seed)]
    for line in table(RATIO_HEAD, list(ratio_rows(ratios))):
        click.echo(line)


def _require_packages() -> None:
    try:
        import httpx
        import psutil
    except ImportError as exc:
        raise BackendUnavailableError(
            f"the benchmark needs a package that is not installed: {exc.name}",
            backend="bench",
            remedy="pip install 'tts-hub[bench]'",
        ) from exc
    del httpx, psutil
