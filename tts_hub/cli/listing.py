"""`tts-hub voices` and `doctor`: what there is."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from tts_hub.backend import speaks
from tts_hub.cli.main import run
from tts_hub.manager import EngineStatus, TTSBackendManager
from tts_hub.types import ModelFiles, Voice

NOT_WELL = 1
"""Exit code of `doctor` when nothing can speak, or the configuration asks for what there is not."""


@click.command()
@click.option("-m", "--model", help="Only the voices of this model's engine.")
@click.option("--language", help="Only voices that speak this BCP 47 tag.")
@click.option("--variants", is_flag=True, help="List the variants (as in en-us+f3) of the voices too.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def voices(
    config_file: Path | None, model: str | None, language: str | None, *, variants: bool, as_json: bool
) -> None:
    """List the voices of the engines that are ready."""
    found = run(lambda: _voices(config_file, model))
    rows = [(e, v) for e, vs in found.items() for v in vs if speaks(v, language or "")]
    if as_json:
        click.echo(json.dumps([{"backend": e} | dataclasses.asdict(v) for e, v in rows], ensure_ascii=False))
        return
    table(
        ("voice", "name", "language", "gender", "engine"),
        [(v.id, v.name, v.language, v.gender or "", e) for e, v in rows],
    )
    _tell_variants(rows, show=variants)


@click.command()
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def doctor(ctx: click.Context, *, as_json: bool) -> None:
    """Say of each engine whether it is ready, what to do if not, and whether the defaults can be met."""
    status, best = run(lambda: _status(ctx.obj))
    problems = run(lambda: _problems(ctx.obj))
    if as_json:
        rows = {"engines": [_as_json(s) for s in status], "auto": best, "problems": problems}
        click.echo(json.dumps(rows, ensure_ascii=False))
    else:
        for engine in status:
            click.echo(_diagnosis(engine))
        for problem in problems:
            click.echo(f"configuration: {problem}")
        click.echo(f"`auto` means {best}." if best else "No engine can speak.")
    ctx.exit(0 if best and not problems else NOT_WELL)


async def _voices(config_file: Path | None, model: str | None) -> Mapping[str, Sequence[Voice]]:
    async with TTSBackendManager.from_config(config_file) as manager:
        return await manager.voices(model)


async def _status(config_file: Path | None) -> tuple[list[EngineStatus], str | None]:
    async with TTSBackendManager.from_config(config_file) as manager:
        return manager.status(), manager.best()


async def _problems(config_file: Path | None) -> list[str]:
    async with TTSBackendManager.from_config(config_file) as manager:
        return await manager.problems()


def _diagnosis(engine: EngineStatus) -> str:
    availability = engine.availability
    if availability.ready:
        lines = [f"{engine.name}: ready"]
    else:
        lines = [f"{engine.name}: not ready: {availability.reason}"]
        lines += [f"to fix: {availability.remedy}"] if availability.remedy else []
    needed = wanting(engine.downloads)
    for files in engine.downloads:
        command = pull_command(files)
        hint = f"; to get them: {command}" if files in needed and command != availability.remedy else ""
        lines.append(f"files of {files.model}: {files_state(files)}{hint}")
    return "\n    ".join(lines)


def wanting(downloads: Sequence[ModelFiles]) -> list[ModelFiles]:
    """What is to be pulled: of each model of which no variant is here, the usual one."""
    here = {files.model for files in downloads if not files.missing}
    usual = {files.model: files for files in reversed(downloads)}
    return [files for model, files in usual.items() if model not in here]


def files_state(files: ModelFiles) -> str:
    """Whether the files of a model are here, and how large they are."""
    variant = f"{files.variant} " if files.variant else ""
    size = f" ({size_text(files.size)})" if files.size is not None else ""
    return f"{variant}missing{size}" if files.missing else f"{variant}here{size}"


def pull_command(files: ModelFiles) -> str:
    """What to type to get the usual files of a model."""
    return f"tts-hub models pull {files.model}"


def size_text(size: int) -> str:
    """Bytes as people read them: `2.99 GB`."""
    for unit, value in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= value:
            return f"{size / value:.3g} {unit}"
    return f"{size} bytes"


def _as_json(engine: EngineStatus) -> dict[str, Any]:
    return dataclasses.asdict(engine)


def _tell_variants(rows: Sequence[tuple[str, Voice]], *, show: bool) -> None:
    for names in sorted({v.variants for _, v in rows if v.variants}):
        example = next(v.id for _, v in rows if v.variants == names)
        listed = ", ".join(names) if show else f"{len(names)} of them, shown by --variants"
        click.echo(f"\nVariants, as in {example}+{names[0]}: {listed}")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Plain aligned columns, the same on a terminal and in a pipe."""
    lines = [tuple(head), *(tuple(row) for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    for line in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
