"""`tts-hub bench` measures engines and faces; `tts-hub bench compare` compares two results."""

from __future__ import annotations

import math
import os
import re
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from tts_hub.audio.formats import FORMATS
from tts_hub.bench.comparing import compare as compare_results
from tts_hub.bench.comparing import compare_cells, differences
from tts_hub.bench.plan import HTTP, LIBRARY, Plan, Side, Watcher, run_plan, side_with
from tts_hub.bench.plot import SUFFIXES, plot, require_matplotlib
from tts_hub.bench.result import Cell, Result
from tts_hub.bench.running import Load
from tts_hub.bench.tables import HEAD, RATIO_HEAD, WIDTHS, markdown, notes, ratio_rows, row, table
from tts_hub.bench.targets import TIMEOUT
from tts_hub.bench.texts import NAMES
from tts_hub.cli.display import CountDisplay
from tts_hub.cli.main import run
from tts_hub.errors import BackendUnavailableError, OutputError, install_command

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


class _Positive(click.FloatRange):
    """A range without NaN and infinity, which click lets through."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number", param, ctx)
        return number


POSITIVE = _Positive(0, min_open=True)
TURNS = 20
"""Turns of each side when two are compared, unless `--requests` is given."""
FORMAT = click.Choice([audio_format.name for audio_format in FORMATS])
NEW_FILE = click.Path(path_type=Path, dir_okay=False)
LATER = (
    "The two were measured at different times, and the machine may have been slower at one of them; "
    "`tts-hub bench --versus` measures both in turns."
)
FAILED = 1
"""The exit code when a stream was broken or short."""


@click.group(invoke_without_command=True, short_help="Measure delays, gaps, speed and cost.")
@click.option("--quick", is_flag=True, help="A smaller table, in a minute or two.")
@click.option(
    "-t", "--target", "targets", multiple=True, help="library, http (our own server), or a base URL."
)
@click.option("--url", "urls", multiple=True, help="The same as --target with a base URL, up to /v1.")
@click.option("--api-key", help="Key for the servers that are measured.")
@click.option(
    "-m",
    "--model",
    default="auto",
    show_default=True,
    help="Model to ask for; other servers need one of theirs.",
)
@click.option("--voice", help="Voice to ask for.")
@click.option("--text", "texts", multiple=True, help=f"Repeatable: {', '.join(NAMES)}.")
@click.option("--format", "formats", multiple=True, type=FORMAT, help="Repeatable.")
@click.option(
    "--streams", type=click.IntRange(1, 1000), multiple=True, help="At once (closed loop). Repeatable."
)
@click.option(
    "--rate",
    type=POSITIVE,
    multiple=True,
    help="Requests a second at random times (open loop). Repeatable.",
)
@click.option("--requests", type=click.IntRange(1), help="Requests per row of the table.")
@click.option(
    "--versus",
    multiple=True,
    metavar="NAME=VALUE",
    help="Measure in turns with target, model or voice changed.",
)
@click.option(
    "--timeout",
    type=POSITIVE,
    default=TIMEOUT,
    show_default=True,
    help="Seconds that one request may take.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of the random arrival times.")
@click.option("--json", "json_file", type=NEW_FILE, help="Write the result here.")
@click.option("--markdown", "markdown_file", type=NEW_FILE, help="Write a table here.")
@click.option("--plot", "plot_file", type=NEW_FILE, help="Draw a PNG or SVG here.")
@click.pass_context
def bench(ctx: click.Context, /, **given: Any) -> None:
    """Measure time to audible sound, gaps, underruns, speed and cost, as a listener would notice them."""
    if ctx.invoked_subcommand is not None:
        return
    _require_packages()
    plan = _plan(given, ctx.obj)
    _check_files(given)
    with _Table(plan) as shown:
        result = run(lambda: run_plan(plan, shown))
    _write(result, given)
    if plan.versus is not None:
        _print_ratios(result)
    for note in notes(result.cells):
        click.echo(note, err=True)
    ctx.exit(FAILED if any(cell.failures for cell in result.cells) else 0)


@bench.command()
@click.argument("a", type=click.Path(path_type=Path))
@click.argument("b", type=click.Path(path_type=Path))
def compare(a: Path, b: Path) -> None:
    """Print the ratios of two results, with the noise they carry."""
    results = Result.load(a), Result.load(b)
    ratios = compare_results(*results)
    for line in differences(*results):
        click.echo(f"differs: {line}", err=True)
    if not ratios:
        raise click.ClickException(f"{a} and {b} have no row in common")
    for line in table(RATIO_HEAD, list(ratio_rows(ratios))):
        click.echo(line)
    click.echo(LATER, err=True)


class _Table(CountDisplay, Watcher):
    """A progress bar on a terminal, and each row of the table when it is known."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan.requests)
        self._compared = plan.versus is not None
        targets = [
            len(side.target) + 3 * self._compared for side in (*plan.sides, plan.versus or plan.sides[0])
        ]
        self._widths = (max(targets), *WIDTHS[1:])
        self._headed = False

    def on_phase(self, what: str) -> None:
        """Show what is being done."""
        self.describe(what)

    def on_request(self) -> None:
        """Count the request."""
        self.count_one()

    def on_cell(self, cell: Cell) -> None:
        """Print the row of the cell, below the head if it is the first."""
        lines = table(HEAD, [row(cell, compared=self._compared)], self._widths)
        self.say("\n".join(lines[-1:] if self._headed else lines), err=False)
        self._headed = True


def _plan(given: dict[str, Any], config_file: Path | None) -> Plan:
    base = QUICK if given["quick"] else FULL
    names = tuple(dict.fromkeys((*given["targets"], *given["urls"])))
    if given["versus"] and len(names) > 1:
        raise click.UsageError("--versus compares with one target: give one, and the other as target=...")
    names = names or ((LIBRARY,) if given["versus"] else (LIBRARY, HTTP))
    sides = tuple(Side(name, given["model"], given["voice"], given["api_key"]) for name in names)
    return Plan(
        sides=sides,
        versus=side_with(sides[0], given["versus"]) if given["versus"] else None,
        texts=given["texts"] or base.texts,
        formats=given["formats"] or base.formats,
        loads=_loads(given, base),
        warm_up=base.warm_up,
        timeout=given["timeout"],
        seed=given["seed"],
        command=_command(sys.argv[1:]),
        config_file=config_file,
    )


def _command(arguments: Sequence[str]) -> str:
    """The command as it was typed, without keys: the result that holds it is passed on."""
    kept: list[str] = []
    for argument in arguments:
        secret = kept[-1:] == ["--api-key"]
        kept.append("..." if secret else re.sub(r"(api[-_]key=).*", r"\1...", argument))
    return shlex.join(["tts-hub", *kept])


def _loads(given: dict[str, Any], base: Plan) -> tuple[Load, ...]:
    closed = [Load(streams=n, requests=max(20, 3 * n)) for n in given["streams"]]
    opened = [Load(streams=None, rate=rate, requests=50) for rate in given["rate"]]
    loads = (*closed, *opened) or base.loads
    if given["requests"] is not None:
        return tuple(replace(load, requests=given["requests"]) for load in loads)
    if given["versus"]:
        return tuple(
            replace(load, requests=max(load.requests, TURNS * (load.streams or 1))) for load in loads
        )
    return loads


def _check_files(given: dict[str, Any]) -> None:
    """Refuse, before minutes of work, files that could not be written or drawn after it."""
    for name in ("json_file", "markdown_file", "plot_file"):
        if given[name] is not None and not os.access(given[name].parent, os.W_OK):
            raise OutputError(f"cannot write {given[name]}: its folder does not exist or is write-protected")
    if given["plot_file"] is not None:
        if given["plot_file"].suffix.lower() not in SUFFIXES:
            raise OutputError(
                f"cannot draw into {given['plot_file']}: the file name must end in {' or '.join(SUFFIXES)}"
            )
        require_matplotlib()


def _write(result: Result, given: dict[str, Any]) -> None:
    if given["json_file"] is not None:
        result.save(given["json_file"])
    if given["markdown_file"] is not None:
        _to_file(lambda path: path.write_text(markdown(result), encoding="utf-8"), given["markdown_file"])
    if given["plot_file"] is not None:
        plot(result, given["plot_file"])


def _to_file(write: Callable[[Path], object], path: Path) -> None:
    try:
        write(path)
    except OSError as exc:
        raise OutputError(f"cannot write {path}: {exc.strerror}") from exc


def _print_ratios(result: Result) -> None:
    """Print the ratios of a comparison; its cells come in pairs, A before B."""
    click.echo("")
    pairs = zip(result.cells[::2], result.cells[1::2], strict=True)
    ratios = [ratio for a, b in pairs for ratio in compare_cells(a, b, paired=True)]
    for line in table(RATIO_HEAD, list(ratio_rows(ratios))):
        click.echo(line)


def _require_packages() -> None:
    try:  # packages of the extra `bench`
        import httpx
        import psutil
    except ImportError as exc:
        raise BackendUnavailableError(
            f"the benchmark needs a package that is not installed: {exc.name}",
            backend="bench",
            remedy=install_command("bench"),
        ) from exc
    del httpx, psutil
