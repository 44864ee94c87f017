"""`tts-hub models`: a list of models, and downloads of their files."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tts_hub.cli.completing import complete_downloads, forget
from tts_hub.cli.listing import (
    all_option,
    brief,
    engine_status,
    files_state,
    json_option,
    more,
    more_variants,
    pull_command,
    size_text,
    table,
    wanting,
    worth_showing,
)
from tts_hub.cli.main import open_manager, run

if TYPE_CHECKING:
    from tts_hub.engines.pool import EngineStatus
    from tts_hub.types import ModelFiles

HEAD = ("model", "engine", "state", "files", "")


variant_option = click.option("--variant", metavar="V", help="Which variant of the model, such as fp16.")


@click.group(invoke_without_command=True, short_help="List, download and delete models.")
@all_option
@json_option
@click.pass_context
def models(ctx: click.Context, *, show_all: bool, as_json: bool) -> None:
    """List the models that are ready, and the aliases; download or delete the files of models."""
    if ctx.invoked_subcommand is None:
        _list(ctx.obj, show_all=show_all, as_json=as_json)


@models.command("list")
@all_option
@json_option
@click.pass_obj
def list_models(config_file: Path | None, *, show_all: bool, as_json: bool) -> None:
    """List the models that are ready, and the aliases."""
    _list(config_file, show_all=show_all, as_json=as_json)


@models.command()
@click.argument("names", metavar="NAME...", nargs=-1, required=True, shell_complete=complete_downloads)
@variant_option
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
@click.pass_obj
def pull(config_file: Path | None, names: Sequence[str], variant: str | None, *, quiet: bool) -> None:
    """Download the files of models: those that are missing or damaged. An interrupted download is resumed."""
    run(lambda: _pull(config_file, names, variant, quiet=quiet))
    forget()


@models.command()
@click.argument("name", shell_complete=complete_downloads)
@variant_option
@click.pass_obj
def remove(config_file: Path | None, name: str, variant: str | None) -> None:
    """Delete the files of a model: all variants, or one."""
    freed, had = run(lambda: _remove(config_file, name, variant))
    forget()
    if not freed and not had:
        raise click.ClickException(f"there are no files of {name} to delete")
    click.echo(f"{name}: {size_text(freed)} freed")


@models.command()
@click.argument("name", shell_complete=complete_downloads)
@variant_option
@click.pass_obj
def path(config_file: Path | None, name: str, variant: str | None) -> None:
    """Print the folder of a model's files; fail if they are missing."""
    files = run(lambda: _model_files(config_file, name, variant))
    click.echo(files.folder)
    if files.missing:
        command = f"{pull_command(files)}{f' --variant {variant}' if variant else ''}"
        raise click.ClickException(f"missing in that folder: {', '.join(files.missing)} (to fix: {command})")


async def _pull(config_file: Path | None, names: Sequence[str], variant: str | None, *, quiet: bool) -> None:
    from tts_hub.cli.display import DownloadDisplay  # slow to import: only this command shows a bar

    async with open_manager(config_file) as manager:
        for name in names:  # a wrong name is an error before gigabytes have come
            manager.model_files(name, variant)
        for name in names:
            with DownloadDisplay(name, quiet=quiet) as display:
                files = await manager.pull(name, display.update, variant=variant)
            if not quiet:
                what = " ".join(filter(None, (files.variant, size_text(files.size) if files.size else "")))
                click.echo(f"{files.model}: {what} in {files.folder}".replace(":  ", ": "))


async def _remove(config_file: Path | None, name: str, variant: str | None) -> tuple[int, bool]:
    """Delete files; returns the bytes freed, which shared files do not add to, and whether any were here."""
    async with open_manager(config_file) as manager:
        had = not manager.model_files(name, variant).missing
        return await manager.remove(name, variant=variant), had


async def _model_files(config_file: Path | None, name: str, variant: str | None) -> ModelFiles:
    async with open_manager(config_file) as manager:
        return manager.model_files(name, variant)


def _list(config_file: Path | None, *, show_all: bool, as_json: bool) -> None:
    status, best, config = run(lambda: engine_status(config_file))
    if as_json:
        rows = [dataclasses.asdict(engine) for engine in status]
        shown = {"engines": rows, "aliases": config.aliases, "auto": best}
        click.echo(json.dumps(shown, indent=2, ensure_ascii=False))
        return
    listed = status if show_all else worth_showing(status, config)
    lines = [line for engine in listed for line in _lines(engine, show_all=show_all)]
    lines.append(("auto", best or "none", "", "", "the best engine that can run now"))
    lines += [(name, target, "", "", "alias") for name, target in config.aliases.items()]
    table(HEAD, lines)
    hidden = [engine for engine in status if engine not in listed]
    needed = [files for engine in status for files in wanting(engine.downloads)]
    if hidden or needed:
        click.echo("")
    if hidden:
        click.echo(f"{more(hidden)}: tts-hub models --all lists them, tts-hub doctor --all says what.")
    if needed:
        click.echo(f"Models whose files are not downloaded: {', '.join(files.model for files in needed)}.")
        click.echo(f"To download the files of a model: {pull_command(needed[0])}")


def _lines(engine: EngineStatus, *, show_all: bool) -> list[tuple[str, ...]]:
    """The lines of an engine: one for each model, and one for each further variant of its files.

    One variant is enough: where one is here, missing ones are not listed.
    """
    lines: list[tuple[str, ...]] = []
    for name in (*engine.models, *engine.patterns):
        variants = sorted((f for f in engine.downloads if f.model == name), key=lambda f: bool(f.missing))
        here = [files for files in variants if not files.missing]
        shown = [(files, 0) for files in variants] if show_all else list(brief(here or variants))
        first, *others = [f"{files_state(files)}{more_variants(left)}" for files, left in shown] or [""]
        lines.append((name, engine.name, _state(engine, variants), first, engine.description))
        lines += [("", "", "", state, "") for state in others]
    return lines


def _state(engine: EngineStatus, variants: Sequence[ModelFiles]) -> str:
    """The state of a model: the engine may be ready, and its files missing; one variant is enough."""
    missing = bool(variants) and all(files.missing for files in variants)
    return "ready" if engine.availability.ready and not missing else "not ready"
