"""Names of settings: `audio.sample_rate`, `aliases."gpt-4.1"`, as TOML writes them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from typing import Any

import tomlkit

from tts_hub.errors import ConfigError

Key = tuple[str, ...]
"""The parts of a dotted key, without quotes."""


def split_key(text: str) -> Key:
    """The parts of a dotted key.

    Raises:
        ConfigError: the text is not a key.
    """
    try:
        value: Any = tomllib.loads(f"{text} = 0")
    except tomllib.TOMLDecodeError as exc:
        raise ConfigError(
            f"{text!r} is not the name of a setting; one is written like audio.sample_rate"
        ) from exc
    parts = []
    while isinstance(value, dict):
        if len(value) != 1:  # the text held more than a name
            raise ConfigError(f"{text!r} is not the name of a setting; one is written like audio.sample_rate")
        ((part, value),) = value.items()
        parts.append(part)
    return tuple(parts)


def join_key(parts: Iterable[str]) -> str:
    """The dotted key, with quotes where a part needs them."""
    return ".".join(tomlkit.key(part).as_string() for part in parts)
