"""The configuration: defaults, then a file, then `TTS_HUB_*` variables; each value with its source.

The name of an environment variable has two underscores between the levels of a setting:
`TTS_HUB_AUDIO__SAMPLE_RATE=48000`, `TTS_HUB_BACKENDS__ESPEAK__VOICE=en-gb`.
"""

from __future__ import annotations

import difflib
import json
import logging
import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tts_hub.config import Config, parse_config
from tts_hub.errors import ConfigError, one_of
from tts_hub.system.folders import user_config_file

ENV_PREFIX = "TTS_HUB_"
FILE_VARIABLE = "TTS_HUB_CONFIG"
FILE_NAME = "config.toml"
REFERENCE = "reference"
"""Key that marks a file as a reference: it describes all settings, to be copied, and is not read."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LoadedConfig:
    """A config, and the source of each value that is not a default."""

    config: Config
    sources: Mapping[str, str] = field(default_factory=dict)
    """Dotted key -> file name or environment variable."""
    path: Path | None = None


def load_config(path: str | Path | None = None, environ: Mapping[str, str] | None = None) -> LoadedConfig:
    """Read the configuration.

    The file is `path`, else `$TTS_HUB_CONFIG`, else `config.toml` in the working folder if it is a tts-hub
    config and has no line `reference = true`, else `config.toml` in the user's config folder, else none.

    Raises:
        ConfigError: the file is unreadable, a key or variable is unknown, or a value is wrong.
    """
    environ = os.environ if environ is None else environ
    file = find_config_file(path, environ)
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    if file is not None:
        values = settings_in(_read_toml(file))
        sources = dict.fromkeys(_leaves(values), str(file))
    for variable, keys, value in _environment(environ):
        _put(values, keys, value, variable)
        key = ".".join(keys)
        leaves = _leaves(value, f"{key}.") if isinstance(value, Mapping) else [key]
        sources |= dict.fromkeys(leaves, variable)
    return LoadedConfig(parse_config(values, sources), sources, file)


def find_config_file(path: str | Path | None, environ: Mapping[str, str]) -> Path | None:
    """The file that `load_config` reads; None if there is none."""
    named = path or environ.get(FILE_VARIABLE)
    if named:
        return Path(named).expanduser()
    here = Path(FILE_NAME)
    if here.is_file() and _is_ours(here) and reference_here() is None:
        return here
    own = user_config_file()
    return own if own.is_file() else None


def reference_here() -> Path | None:
    """The `config.toml` in the working folder, if it is marked as the reference and so is not read."""
    here = Path(FILE_NAME)
    try:
        values = tomllib.loads(here.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None  # it is not there, or reading it again will raise the error
    return here.absolute() if values.get(REFERENCE) is True else None


def settings_in(values: Mapping[str, Any]) -> dict[str, Any]:
    """The settings in the values of a file: all but the mark of a reference.

    Raises:
        ConfigError: the mark is neither true nor false.
    """
    mark = values.get(REFERENCE, False)
    if not isinstance(mark, bool):
        raise ConfigError(
            f"{REFERENCE!r} is {mark!r}; it marks a file to copy from: true or false is possible"
        )
    return {key: value for key, value in values.items() if key != REFERENCE}


def _is_ours(file: Path) -> bool:
    """Whether a `config.toml` is ours: one without any key like ours belongs to another program."""
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return True  # reading it again will raise the error
    ours = any(difflib.get_close_matches(key, Config.model_fields, n=1, cutoff=0.7) for key in values)
    if values and not ours:
        logger.warning("%s is not a tts-hub config and is ignored", file.absolute())
    return ours or not values


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as exc:
        raise ConfigError(f"cannot read config file {file}: {exc.strerror}") from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise ConfigError(f"config file {file} is not valid TOML: {exc}") from exc


def _environment(environ: Mapping[str, str]) -> list[tuple[str, list[str], Any]]:
    found = []
    for variable, text in sorted(environ.items()):
        if not variable.startswith(ENV_PREFIX) or variable == FILE_VARIABLE:
            continue
        keys = variable.removeprefix(ENV_PREFIX).lower().split("__")
        if keys[0] not in Config.model_fields:
            names = [ENV_PREFIX + name.upper() for name in Config.model_fields]
            raise ConfigError(f"unknown variable {variable}; {one_of(variable, [*names, FILE_VARIABLE])}")
        found.append((variable, keys, _parse_variable(text)))
    return found


def _parse_variable(text: str) -> Any:
    """The value of a variable: numbers, booleans, lists and tables are JSON, anything else is a string."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _put(values: dict[str, Any], keys: list[str], value: Any, variable: str) -> None:
    for key in keys[:-1]:
        values = values.setdefault(key, {})
        if not isinstance(values, dict):
            raise ConfigError(f"variable {variable} sets something inside {key!r}, which is a single value")
    values[keys[-1]] = value


def _leaves(values: Mapping[str, Any], prefix: str = "") -> Iterable[str]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"
