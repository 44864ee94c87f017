"""`tts-hub config`: every setting with its value and the source of that, and changes of the config file."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click

from tts_hub.config import Config
from tts_hub.config_file.editing import edit, file_to_edit
from tts_hub.config_file.listing import Setting, setting_at, settings
from tts_hub.config_file.loading import LoadedConfig, find_config_file, load_config, reference_here
from tts_hub.config_file.values import parse_value
from tts_hub.engines.registry import Registry
from tts_hub.errors import ConfigError
from tts_hub.system.folders import user_config_file


@click.group(invoke_without_command=True, short_help="Show and change the settings.")
@click.option("--path", "only_path", is_flag=True, help="Print only the path of the config file.")
@click.option("--json", "as_json", is_flag=True, help="Print the settings as JSON.")
@click.pass_context
def config(ctx: click.Context, *, only_path: bool, as_json: bool) -> None:
    """Show every setting, its value and where that comes from, or change the config file.

    The file is config.toml in this folder or, if there is none, the one in your config folder.
    """
    mention_config_file(ctx.obj)
    if ctx.invoked_subcommand is None:
        _show(ctx.obj, only_path=only_path, as_json=as_json)


@config.command("set", context_settings={"ignore_unknown_options": True})  # -19 is a value
@click.argument("key")
@click.argument("value")
@click.pass_obj
def set_setting(config_file: Path | None, key: str, value: str) -> None:
    """Write a setting into the config file; comments and all other lines stay as they are.

    A list is written a,b or ["a", "b"]. The file is created if there is none.
    """
    setting, file = _find(config_file, key)
    _change(setting, file, parse_value(setting, value))


@config.command("unset")
@click.argument("key")
@click.pass_obj
def unset_setting(config_file: Path | None, key: str) -> None:
    """Remove a setting, or a whole section, from the config file."""
    file = file_to_edit(config_file)
    if file.exists() and edit(file, {key: None}):  # also a setting that does not exist
        click.echo(f"{key} is no longer set in {file}")
        return
    setting, _ = _find(config_file, key)
    click.echo(f"{setting.key} was not set in {file}")


def _show(config_file: Path | None, *, only_path: bool, as_json: bool) -> None:
    loaded, registry = _load(config_file)
    registry.check_sections()
    if only_path:
        click.echo(str(loaded.path) if loaded.path else f"none; {user_config_file()} would be read")
        return
    shown = [each for each in settings(loaded, registry) if each.kind != "table" or not each.value]
    if as_json:
        rows = {each.key: {"value": each.value, "source": each.source} for each in shown}
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    for each in shown:
        click.echo(f"{each.key} = {_text(each.value)}  # {each.source}")


def mention_config_file(config_file: Path | None) -> None:
    """Note that the `config.toml` in this folder is not read, if it could be taken for the one in use."""
    reference = reference_here()
    used = find_config_file(config_file, os.environ)
    if reference is not None and (used is None or used.resolve() != reference.resolve()):
        click.echo(
            f"note: {reference} is not read: its line `reference = true` marks it as a list of all settings "
            f"to copy from. Your config file is {used or user_config_file()}",
            err=True,
        )


def _load(config_file: Path | None) -> tuple[LoadedConfig, Registry]:
    loaded = load_config(config_file)
    return loaded, Registry(loaded.config.backends, loaded.config.remote)


def _find(config_file: Path | None, key: str) -> tuple[Setting, Path]:
    """A setting, and the file to write it to, which may be missing, or wrong in this very setting."""
    try:
        return setting_at(key, *_load(config_file)), file_to_edit(config_file)
    except ConfigError:
        loaded = LoadedConfig(Config())
        return setting_at(key, loaded, Registry()), file_to_edit(config_file)


def _change(setting: Setting, file: Path, value: Any) -> None:
    shown = "***" if setting.is_secret else _text(value)
    what = f"{setting.key} is unset" if value is None else f"{setting.key} = {shown}"
    done = "written to" if edit(file, {setting.key: value}) else "nothing to change in"
    click.echo(f"{what}: {done} {file}")
    if setting.locked_by:
        click.echo(f"warning: the environment variable {setting.locked_by} overrides the file", err=True)


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
