"""Edits of the config file: it is checked as a whole before a byte is written, and replaced in one step."""

from __future__ import annotations

import datetime as dt
import math
import os
import stat
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from tts_hub.config import parse_config
from tts_hub.config_file.keys import Key, join_key, split_key
from tts_hub.config_file.loading import find_config_file, settings_in
from tts_hub.config_file.placing import with_setting
from tts_hub.engines.registry import Registry
from tts_hub.errors import ConfigError
from tts_hub.system.folders import user_config_file
from tts_hub.system.temporary import open_temporary

OWN_ONLY = 0o600
"""Permissions of a new file, which may come to hold keys of services."""
TRIES = 5
"""Tries of an edit, which starts again when another program wrote in between."""


def file_to_edit(path: str | Path | None = None, environ: Mapping[str, str] | None = None) -> Path:
    """The file that `load_config` reads, else the user's own, which may not be there yet."""
    return find_config_file(path, os.environ if environ is None else environ) or user_config_file()


def edit(path: str | Path, changes: Mapping[str, Any]) -> tuple[str, ...]:
    """Write settings into a config file; returns the keys of those that changed.

    A value of None removes a setting, or a whole section. Missing sections, the file and its folder are
    created; comments, order and style of the rest stay. The file is checked by itself, without the
    environment. Of two edits at once neither is lost, unless both replace the file at the same moment.

    Raises:
        ConfigError: the file is no valid TOML, cannot be read or written, or would not load with the
            changes. Then it stays as it was.
    """
    file = Path(path).expanduser()
    wanted = {split_key(key): None if value is None else _plain(value, key) for key, value in changes.items()}
    for _ in range(TRIES):
        before = _read(file)
        old = _text(before or b"", file)
        new, changed = old, []
        for key, value in wanted.items():
            now = with_setting(new, key, value)
            changed += [join_key(key)] if now != new else []
            new = now
        if not changed:
            return ()
        _check(new, file, wanted)
        if _replace(file, before, _bytes(new)):
            return tuple(changed)
    raise ConfigError(f"config file {file} is being changed by another program; try again")


def _plain(value: Any, key: str) -> Any:
    """The value in types that TOML has."""
    if isinstance(value, str | bool | int | dt.date | dt.time) or (
        isinstance(value, float) and math.isfinite(value)
    ):
        return value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {str(name): _plain(inner, key) for name, inner in value.items() if inner is not None}
    if isinstance(value, list | tuple):
        return [_plain(item, key) for item in value]
    what = (
        "a number that is infinite or not a number"
        if isinstance(value, float)
        else f"a {type(value).__name__}"
    )
    raise ConfigError(f"setting {key!r}: {what} cannot be written to a config file")


def _read(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise ConfigError(f"cannot read config file {file}: {exc.strerror}") from exc


def _text(data: bytes, file: Path) -> str:
    try:
        text = data.decode("utf-8")
        tomllib.loads(text)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise ConfigError(f"config file {file} is not valid TOML: {exc}") from exc
    return text


def _bytes(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as exc:
        raise ConfigError("the value contains characters that cannot be written as UTF-8") from exc


def _check(text: str, file: Path, wanted: Mapping[Key, Any]) -> None:
    """Check the whole file against the models; an error in a part that was there before names the file."""
    values = settings_in(tomllib.loads(text))
    touched = {key[0] for key in wanted}
    config = parse_config(values, {name: str(file) for name in values if name not in touched})
    Registry(config.backends, config.remote).check_sections()


def _replace(file: Path, before: bytes | None, after: bytes) -> bool:
    """Put the new content in place; False if another program has changed the file."""
    target = Path(os.path.realpath(file))  # a link stays a link
    temporary: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        like = target.stat() if before is not None else None
        if like is not None and not os.access(target, os.W_OK):
            raise ConfigError(f"cannot write config file {file}: it is write-protected")
        temporary, opened = open_temporary(target, mode=OWN_ONLY)
        with opened:
            _write(opened, after, like)
        if _read(file) != before:
            return False
        temporary.replace(target)
    except OSError as exc:
        raise ConfigError(f"cannot write config file {file}: {exc.strerror or exc}") from exc
    finally:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
    return True


def _write(file: IO[bytes], data: bytes, like: os.stat_result | None) -> None:
    """Write the content, and take over the owner and permissions of `like`."""
    if like is not None:
        with suppress(PermissionError):  # only root gives files away
            os.fchown(file.fileno(), like.st_uid, like.st_gid)
        os.fchmod(file.fileno(), stat.S_IMODE(like.st_mode))
    file.write(data)
    file.flush()
    os.fsync(file.fileno())
