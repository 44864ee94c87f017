"""`tts-hub doctor`, and how lists of engines and files are printed."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tts_hub.cli.default_voice import DefaultVoice, default_voice
from tts_hub.cli.main import open_manager, run

if TYPE_CHECKING:
    from tts_hub.config import Config
    from tts_hub.engines.pool import EngineStatus
    from tts_hub.manager import TTSBackendManager
    from tts_hub.types import ModelFiles

NOT_WELL = 1
"""The exit code of `doctor` when no engine can speak, or the configuration asks for something missing."""
MOST_VARIANTS = 8
"""Missing variants of a model that are all listed."""


all_option = click.option("--all", "show_all", is_flag=True, help="Show the engines that are not ready too.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")


@click.command(short_help="Report which engines are ready and what the others need.")
@all_option
@json_option
@click.pass_context
def doctor(ctx: click.Context, *, show_all: bool, as_json: bool) -> None:
    """Report which engines are ready, what the others need, and whether the configured defaults work."""
    from tts_hub.cli.settings import mention_config_file  # slow to import: the help does not need it

    status, best, config = run(lambda: engine_status(ctx.obj))
    problems = run(lambda: _problems(ctx.obj))
    speaks = run(lambda: _default_voice(ctx.obj))
    if as_json:
        rows = {
            "engines": [_as_json(s) for s in status],
            "auto": best,
            "voice": speaks.voice,
            "better": speaks.better,
            "problems": problems,
        }
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
    else:
        shown = status if show_all else worth_showing(status, config)
        for engine in shown:
            click.echo(diagnosis(engine))
        for problem in problems:
            click.echo(f"configuration: {problem}")
        click.echo(str(speaks))
        if speaks.advice:
            click.echo(speaks.advice)
        hidden = [engine for engine in status if engine not in shown]
        if hidden:
            click.echo(f"{more(hidden)}: tts-hub doctor --all")
    mention_config_file(ctx.obj)
    ctx.exit(0 if best and not problems else NOT_WELL)


async def engine_status(config_file: Path | None) -> tuple[list[EngineStatus], str | None, Config]:
    """All engines, the best first; the one that `auto` means; the configuration."""
    async with open_manager(config_file) as manager:
        return best_first(manager), manager.best(), manager.config


async def _problems(config_file: Path | None) -> list[str]:
    async with open_manager(config_file) as manager:
        return await manager.problems()


async def _default_voice(config_file: Path | None) -> DefaultVoice:
    async with open_manager(config_file) as manager:
        return await default_voice(manager)


def best_first(manager: TTSBackendManager) -> list[EngineStatus]:
    """All engines: the one that `auto` means, the others that are ready, the rest."""
    best = manager.best()
    return sorted(manager.status(), key=lambda engine: (not engine.availability.ready, engine.name != best))


def worth_showing(status: Sequence[EngineStatus], config: Config) -> Sequence[EngineStatus]:
    """The engines that are ready, and those that the configuration sets up; all of them if none is ready."""
    if not any(engine.availability.ready for engine in status):
        return status
    set_up = {name for name, values in config.backends.items() if set(values) - {"enabled"}}
    set_up |= {*config.remote, config.alias_target(config.model), *map(config.alias_target, config.fallback)}
    return [
        engine for engine in status if engine.availability.ready or {engine.name, *engine.models} & set_up
    ]


def more(engines: Sequence[EngineStatus]) -> str:
    """The number of engines that are not shown, as the beginning of a line."""
    return (
        "1 more engine needs something"
        if len(engines) == 1
        else f"{len(engines)} more engines need something"
    )


def diagnosis(engine: EngineStatus) -> str:
    """Lines that say whether an engine is ready, and what it needs if not."""
    availability = engine.availability
    if availability.ready:
        lines = [f"{engine.name}: ready"]
    else:
        lines = [f"{engine.name}: not ready: {availability.reason}"]
        lines += [f"to fix: {availability.remedy}"] if availability.remedy else []
    needed = wanting(engine.downloads)
    here = {files.model for files in engine.downloads if not files.missing}
    for files, others in brief(engine.downloads):
        if files.missing and files.model in here:
            continue  # another variant is here, which is enough
        command = pull_command(files)
        hint = f"; to download them: {command}" if files in needed and command != availability.remedy else ""
        lines.append(f"files of {files.model}: {files_state(files)}{more_variants(others)}{hint}")
    return "\n    ".join(lines)


def brief(downloads: Sequence[ModelFiles]) -> Iterator[tuple[ModelFiles, int]]:
    """The files to list of each model, each with the number of missing variants that are left out behind it.

    Where a model has many variants, only the usual one of those that are missing is listed.
    """
    for model in dict.fromkeys(files.model for files in downloads):
        variants = [files for files in downloads if files.model == model]
        missing = [files for files in variants if files.missing]
        left_out = missing[1:] if len(missing) > MOST_VARIANTS else []
        for files in variants:
            if files not in left_out:
                yield files, len(left_out) if left_out and files is missing[0] else 0


def more_variants(number: int) -> str:
    """The number of variants that are not listed, as the end of a line."""
    return f", {number} more: tts-hub models list --all" if number else ""


def wanting(downloads: Sequence[ModelFiles]) -> list[ModelFiles]:
    """The files to download: the default variant of each model that has none here."""
    here = {files.model for files in downloads if not files.missing}
    usual = {files.model: files for files in reversed(downloads)}
    return [files for model, files in usual.items() if model not in here]


def files_state(files: ModelFiles) -> str:
    """Words that say whether the files of a model are here, and how large they are."""
    variant = f"{files.variant} " if files.variant else ""
    size = f" ({size_text(files.size)})" if files.size is not None else ""
    return f"{variant}missing{size}" if files.missing else f"{variant}here{size}"


def pull_command(files: ModelFiles) -> str:
    """The command that downloads the usual files of a model."""
    return f"tts-hub models pull {files.model}"


def removed_text(name: str, seconds: float, restoring: str) -> str:
    """The line about something removed, with the command that brings it back within some seconds."""
    again = f"; to bring it back within {seconds / 60:g} min: tts-hub {restoring}" if seconds else ""
    return f"{name}: removed{again}"


def size_text(size: int) -> str:
    """A number of bytes for people, such as `2.99 GB`."""
    for unit, value in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= value:
            return f"{size / value:.3g} {unit}"
    return f"{size} bytes"


def _as_json(engine: EngineStatus) -> dict[str, Any]:
    return dataclasses.asdict(engine)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print aligned columns, the same on a terminal and in a pipe."""
    lines = [tuple(head), *(tuple(row) for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    for line in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
