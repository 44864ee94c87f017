"""Files with measurements: records of a stated format, and the packages that they were made with."""

from __future__ import annotations

import json
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from tts_hub.errors import ConfigError, OutputError


class Record(BaseModel):
    """A part of a measurement. A field that the class does not name is an error."""

    model_config = ConfigDict(extra="forbid")


class Measurement(Record):
    """A whole measurement, which is one JSON file."""

    schema_version: int

    SCHEMA: ClassVar[int]
    """The version of the file format; it rises when a field changes its meaning."""
    COMMAND: ClassVar[str]
    """The command that writes such files, for messages."""

    def save(self, path: Path) -> None:
        """Write the file.

        Raises:
            OutputError: the file cannot be written.
        """
        write_text(path, self.model_dump_json(indent=1) + "\n")

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a file that `save` wrote.

        Raises:
            ConfigError: no such file, not such a measurement, or one of another schema.
        """
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            if (found := values.get("schema_version")) != cls.SCHEMA:
                raise ConfigError(f"{path} has schema {found}; this version reads {cls.SCHEMA}")
            return cls.model_validate(values)
        except OSError as exc:
            raise ConfigError(f"cannot read {path}: {exc.strerror}") from exc
        except (ValueError, AttributeError, ValidationError) as exc:
            raise ConfigError(f"{path} is not a result of `{cls.COMMAND}`") from exc


def write_text(path: Path, text: str) -> None:
    """Write a text file.

    Raises:
        OutputError: the file cannot be written.
    """
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as exc:
        raise OutputError(f"cannot write {path}: {exc.strerror}") from exc


def installed_packages(names: Iterable[str]) -> dict[str, str]:
    """The versions of those packages that are installed."""
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
