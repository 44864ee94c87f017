"""`tts-hub models`: which there are, and how their files come here."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from tts_hub.cli.display import DownloadDisplay
from tts_hub.cli.listing import files_state, pull_command, size_text, table, wanting
from tts_hub.cli.main import run
from tts_hub.manager import EngineStatus, TTSBackendManager
from tts_hub.types import ModelFiles

HEAD = ("model", "engine", "state", "files", "")


variant_option = click.option("--variant", metavar="V", help="Which form, where a model has several.")


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
@variant_option
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
@click.pass_obj
def pull(config_file: Path | None, names: Sequence[str], variant: str | None, *, quiet: bool) -> None:
    """Get the files of models: what is missing or damaged, from where an earlier pull stopped."""
    run(lambda: _pull(config_file, names, variant, quiet=quiet))


@models.command()
@click.argument("name")
@variant_option
@click.pass_obj
def remove(config_file: Path | None, name: str, variant: str | None) -> None:
    """Delete the files of a model: all its variants, or one."""
    freed, had = run(lambda: _remove(config_file, name, variant))
    if not freed and not had:
        raise click.ClickException(f"no files of {name} are here")
    click.echo(f"{name}: {size_text(freed)} freed")


@models.command()
@click.argument("name")
@variant_option
@click.pass_obj
def path(config_file: Path | None, name: str, variant: str | None) -> None:
    """Say in which folder the files of a model are; fail if they are not there."""
    files = run(lambda: _model_files(config_file, name, variant))
    click.echo(files.folder)
    if files.missing:
        command = f"{pull_command(files)}{f' --variant {variant}' if variant else ''}"
        raise click.ClickException(f"missing there: {', '.join(files.missing)} (to fix: {command})")


async def _pull(config_file: Path | None, names: Sequence[str], variant: str | None, *, quiet: bool) -> None:
    async with TTSBackendManager.from_config(config_file) as manager:
        for name in names:  # a wrong name is told before gigabytes have come
            manager.model_files(name, variant)
        for name in names:
            with DownloadDisplay(name, quiet=quiet) as display:
                files = await manager.pull(name, display.update, variant=variant)
            if not quiet:
                what = " ".join(filter(None, (files.variant, size_text(files.size) if files.size else "")))
                click.echo(f"{files.model}: {what} in {files.folder}".replace(":  ", ": "))


async def _remove(config_file: Path | None, name: str, variant: str | None) -> tuple[int, bool]:
    """Bytes freed, and whether the model was here: what others share with it is not freed."""
    async with TTSBackendManager.from_config(config_file) as manager:
        had = not manager.model_files(name, variant).missing
        return await manager.remove(name, variant=variant), had


async def _model_files(config_file: Path | None, name: str, variant: str | None) -> ModelFiles:
    async with TTSBackendManager.from_config(config_file) as manager:
        return manager.model_files(name, variant)


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
    needed = [files for engine in status for files in wanting(engine.downloads)]
    if needed:
        click.echo(f"\nTo get the files of a model: {pull_command(needed[0])}")


async def _status(config_file: Path | None) -> tuple[list[EngineStatus], Mapping[str, str], str | None]:
    async with TTSBackendManager.from_config(config_file) as manager:
        return manager.status(), manager.config.aliases, manager.best()


def _lines(engine: EngineStatus) -> list[tuple[str, ...]]:
    lines: list[tuple[str, ...]] = []
    for name in (*engine.models, *engine.patterns):
        variants = [files for files in engine.downloads if files.model == name]
        first, *others = [files_state(files) for files in variants] or [""]
        lines.append((name, engine.name, _state(engine, variants), first, engine.description))
        lines += [("", "", "", state, "") for state in others]
    return lines


def _state(engine: EngineStatus, variants: Sequence[ModelFiles]) -> str:
    """An engine may be ready, and one of its models not; one variant is enough."""
    missing = bool(variants) and all(files.missing for files in variants)
    return "ready" if engine.availability.ready and not missing else "not ready"
