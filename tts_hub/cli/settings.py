"""`tts-hub config`: every setting, its value, and where that value comes from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from tts_hub.config import LoadedConfig, load_config, user_config_file
from tts_hub.registry import Registry

SECRET = ("key", "keys", "token", "tokens", "secret", "password")
"""Last words of the names of settings whose values are not shown."""


@click.command()
@click.option("--path", "only_path", is_flag=True, help="Only say which file is read.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def config(config_file: Path | None, *, only_path: bool, as_json: bool) -> None:
    """Show the effective configuration and the source of each value."""
    loaded = load_config(config_file)
    registry = Registry(loaded.config.backends)
    registry.check_sections()
    if only_path:
        click.echo(str(loaded.path) if loaded.path else f"none; {user_config_file()} would be read")
        return
    settings = list(_settings(_effective(loaded, registry)))
    if as_json:
        rows = {key: {"value": value, "source": _source(loaded, key)} for key, value in settings}
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    for key, value in settings:
        click.echo(f"{key} = {json.dumps(value, ensure_ascii=False)}  # {_source(loaded, key)}")


def _effective(loaded: LoadedConfig, registry: Registry) -> Mapping[str, Any]:
    """All values, those of the engines' own sections with their defaults filled in."""
    values = loaded.config.model_dump(mode="json")
    values["backends"] = {
        entry.name: entry.settings().model_dump(mode="json")
        for entry in registry
        if entry.availability().ready or entry.values
    }
    return values


def _settings(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _settings(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", _hidden(value) if key.split("_")[-1] in SECRET else value


def _hidden(value: Any) -> Any:
    """A secret, or a list of them, as it may be shown."""
    if isinstance(value, list):
        return [_hidden(each) for each in value]
    return "***" if isinstance(value, str) and value else value


def _source(loaded: LoadedConfig, key: str) -> str:
    return loaded.sources.get(key, "default")
