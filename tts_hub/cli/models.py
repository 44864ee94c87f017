"""`tts-hub models`: which there are, and how their files come here."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from tts_hub.cli.display import DownloadDisplay
from tts_hub.cli.listing import files_state, pull_command, size_text, table
from tts_hub.cli.main import run
from tts_hub.manager import EngineStatus, TTSBackendManager
from tts_hub.types import ModelFiles

HEAD = ("model", "engine", "state", "files", "")


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def models(ctx: click.Context, *, as_json: bool) -> None:
    """List the models, and the names that stand for others; get the files of those that need some."""
    if ctx.invoked_subcommand is None:
        _list(ctx.obj, as_json=as_json)


@models.command("list")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def list_models(config_file: Path | None, *, as_json: bool) -> None:
    """List the models, and the names that stand for others."""
    _list(config_file, as_json=as_json)


@models.command()
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
@click.pass_obj
def pull(config_file: Path | None, names: Sequence[str], *, quiet: bool) -> None:
    """Get the files of models: what is missing or damaged, from where an earlier pull stopped."""
    run(lambda: _pull(config_file, names, quiet=quiet))


async def _pull(config_file: Path | None, names: Sequence[str], *, quiet: bool) -> None:
    async with TTSBackendManager.from_config(config_file) as manager:
        for name in names:  # a wrong name is told before gigabytes have come
            manager.model_files(name)
        for name in names:
            with DownloadDisplay(name, quiet=quiet) as display:
                files = await manager.pull(name, display.update)
            if not quiet:
                size = f"{size_text(files.size)} " if files.size is not None else ""
                click.echo(f"{files.model}: {size}in {files.folder}")


def _list(config_file: Path | None, *, as_json: bool) -> None:
    status, aliases, best = run(lambda: _status(config_file))
    if as_json:
        rows = [dataclasses.asdict(engine) for engine in status]
        click.echo(json.dumps({"engines": rows, "aliases": aliases, "auto": best}, ensure_ascii=False))
        return
    lines = [line for engine in status for line in _lines(engine)]
    lines.append(("auto", best or "none", "", "", "the best engine that can run now"))
    lines += [(name, target, "", "", "alias") for name, target in aliases.items()]
    table(HEAD, lines)
    wanting = [files for engine in status for files in engine.downloads if files.missing]
    if wanting:
        click.echo(f"\nTo get the files of a model: {pull_command(wanting[0])}")


async def _status(config_file: Path | None) -> tuple[list[EngineStatus], Mapping[str, str], str | None]:
    async with TTSBackendManager.from_config(config_file) as manager:
        return manager.status(), manager.config.aliases, manager.best()


def _lines(engine: EngineStatus) -> list[tuple[str, ...]]:
    downloads = {files.model: files for files in engine.downloads}
    return [
        (
            name,
            engine.name,
            _state(engine, downloads.get(name)),
            _files(downloads.get(name)),
            engine.description,
        )
        for name in (*engine.models, *engine.patterns)
    ]


def _state(engine: EngineStatus, files: ModelFiles | None) -> str:
    """An engine may be ready, and one of its models not."""
    wanting = files is not None and files.missing
    return "ready" if engine.availability.ready and not wanting else "not ready"


def _files(files: ModelFiles | None) -> str:
    return files_state(files) if files is not None else ""
