"""A list of all settings: the meaning, the possible values, the value and its source."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import BaseModel, ValidationError

from tts_hub.config import Config, is_secret_name
from tts_hub.config_file.keys import Key, join_key, split_key
from tts_hub.config_file.loading import ENV_PREFIX, LoadedConfig
from tts_hub.config_file.shape import ANY, Kind, Shape, shape_of
from tts_hub.engines.registry import Entry, Registry
from tts_hub.errors import BackendUnavailableError, ConfigError, one_of

DEFAULT = "default"
"""The source of a value that is not set anywhere."""
HIDDEN = "***"
"""Last words of the names of settings whose values are not shown."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting, as it may be shown."""

    key: str
    """The dotted key, with quotes as in TOML where a part needs them; `split_key` splits it."""
    value: Any
    """The value in force, as plain JSON; None where there is none. A secret is `***`."""
    default: Any
    source: str
    """The file or the environment variable that the value is from, or `default`."""
    description: str
    section: str
    """The description of its section."""
    kind: Kind
    choices: tuple[Any, ...] = ()
    """All values of a choice; all items of a list, or () for any text; words that a number may be instead."""
    minimum: float | None = None
    open_minimum: bool = False
    """The value must be above the minimum."""
    maximum: float | None = None
    nullable: bool = False
    """The setting can be unset, which means something that no value means."""
    is_secret: bool = False
    locked_by: str | None = None
    """The environment variable that overrides the file: editing the file would change nothing."""


@dataclass(frozen=True, slots=True)
class _Tree:
    """A part of the config: its shape, values and defaults."""

    shape: Shape
    values: Mapping[str, Any] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)


def settings(
    loaded: LoadedConfig, registry: Registry, environ: Mapping[str, str] | None = None
) -> tuple[Setting, ...]:
    """All settings: the hub's, those of each engine, ready or not, and of each remote service.

    A table, such as `aliases`, comes before its entries. `environ` is the environment that `loaded` is from.

    Raises:
        ConfigError: an engine's section is wrong.
    """
    tree = _whole(loaded, registry)
    maker = _SettingMaker(loaded, os.environ if environ is None else environ)
    return tuple(maker.walk(tree.shape, (), tree.values, tree.defaults, ""))


def setting_at(
    key: str, loaded: LoadedConfig, registry: Registry, environ: Mapping[str, str] | None = None
) -> Setting:
    """One setting: a listed one, a whole section as a table, or a new entry of a table.

    Raises:
        ConfigError: there is no such setting; the message names those that exist.
    """
    parts = split_key(key)
    name = join_key(parts)
    tree = _whole(loaded, registry)
    maker = _SettingMaker(loaded, os.environ if environ is None else environ)
    shape, value, default, about = tree.shape, tree.values, tree.defaults, ""
    for part in parts:
        inner = shape.at(part)
        if inner is None:
            raise ConfigError(f"unknown setting {name!r}; {one_of(part, shape.members)}")
        about = shape.description
        shape, value, default = inner, _inside(value, part), _inside(default, part)
    return maker.setting(shape, parts, value, default, about)


class _SettingMaker:
    """Makes a `Setting` of each place in the tree."""

    def __init__(self, loaded: LoadedConfig, environ: Mapping[str, str]) -> None:
        self._sources = loaded.sources
        self._variables = {
            tuple(name.removeprefix(ENV_PREFIX).lower().split("__")): name
            for name in sorted(environ)
            if name.startswith(ENV_PREFIX)
        }

    def walk(self, shape: Shape, key: Key, value: Any, default: Any, about: str) -> Iterator[Setting]:
        """The settings at a place and below it."""
        shape = _as_table(shape, value)
        if shape.kind != "section":
            yield self.setting(shape, key, value, default, about)
        names = list(shape.members)
        if shape.kind == "table":
            names += [name for name in value or () if name not in shape.members]
        for name in names:
            inner = shape.at(name) or ANY
            yield from self.walk(
                inner, (*key, name), _inside(value, name), _inside(default, name), shape.description
            )

    def setting(self, shape: Shape, key: Key, value: Any, default: Any, about: str) -> Setting:
        """The setting at a place."""
        shape = _as_table(shape, value)
        kind: Kind = "table" if shape.kind == "section" else shape.kind
        if kind == "table" and default:  # known entries have their own defaults
            default = {name: inner for name, inner in default.items() if name not in shape.members}
        secret = shape.secret or (is_secret_name(key[-1]) and kind in {"text", "list", "any"})
        return Setting(
            key=join_key(key),
            value=_shown(value, secret=secret),
            default=_shown(default, secret=secret),
            source=self._sources.get(".".join(key), DEFAULT),
            description=shape.description,
            section=about,
            kind=kind,
            choices=shape.choices,
            minimum=shape.minimum,
            open_minimum=shape.open_minimum,
            maximum=shape.maximum,
            nullable=shape.nullable,
            is_secret=secret,
            locked_by=next((v for keys, v in self._variables.items() if key[: len(keys)] == keys), None),
        )


def _whole(loaded: LoadedConfig, registry: Registry) -> _Tree:
    engines: dict[str, dict[str, _Tree]] = {"backends": {}, "remote": {}}
    kinds = tuple(sorted(entry.name for entry in registry if _can_be_many(entry)))
    for entry in registry:
        tree = _engine(entry)
        if entry.renamed:
            kind = Shape("choice", "the engine that talks to this service", kinds)
            tree = _Tree(
                replace(tree.shape, members={"kind": kind, **tree.shape.members}),
                {"kind": loaded.config.remote[entry.name]["kind"], **tree.values},
                tree.defaults,
            )
        engines[entry.table][entry.name] = tree
    own = shape_of(Config)
    tables = {
        "backends": Shape("section", members=_shapes(engines["backends"])),
        "remote": replace(own.members["remote"], members=_shapes(engines["remote"])),
    }
    values, defaults = loaded.config.model_dump(mode="json"), Config().model_dump(mode="json")
    for table, trees in engines.items():
        values[table] = {name: tree.values for name, tree in trees.items()}
        defaults[table] = {name: tree.defaults for name, tree in trees.items()}
    return _Tree(replace(own, members={**own.members, **tables}), values, defaults)


def _engine(entry: Entry) -> _Tree:
    try:
        found, about = entry.settings(), entry.declared().description
    except BackendUnavailableError as exc:
        members = dict.fromkeys(entry.values, ANY)
        return _Tree(Shape("section", str(exc), members=members), entry.values)
    model = type(found)
    return _Tree(
        replace(shape_of(model), description=about), found.model_dump(mode="json"), _defaults_of(model)
    )


def _defaults_of(model: type[BaseModel]) -> Mapping[str, Any]:
    try:
        return model().model_dump(mode="json")
    except ValidationError:  # a plugin may require a setting
        return {}


def _can_be_many(entry: Entry) -> bool:
    try:
        return not entry.renamed and entry.declared().many
    except BackendUnavailableError:
        return False


def _shapes(trees: Mapping[str, _Tree]) -> dict[str, Shape]:
    return {name: tree.shape for name, tree in trees.items()}


def _as_table(shape: Shape, value: Any) -> Shape:
    if shape.kind == "any" and isinstance(value, Mapping):
        return replace(shape, kind="table", items=ANY)
    return shape


def _inside(values: Any, name: str) -> Any:
    return values.get(name) if isinstance(values, Mapping) else None


def _shown(value: Any, *, secret: bool = False) -> Any:
    """A value with its secrets hidden."""
    if isinstance(value, Mapping):
        return {name: _shown(inner, secret=secret or _hides(name, inner)) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_shown(each, secret=secret) for each in value]
    return HIDDEN if secret and value not in {None, "", False} else value


def _hides(name: str, value: Any) -> bool:
    return is_secret_name(name) and not isinstance(value, int | float)
