"""What a benchmark leaves behind: one record per cell of the table, and where it was made."""

from __future__ import annotations

import json
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from tts_hub.errors import ConfigError, OutputError

SCHEMA = 1
"""Raised when a field changes its meaning."""
PACKAGES = ("tts-hub", "av", "numpy", "anyio", "espeakng-loader", "onnxruntime", "torch", "uvicorn", "httpx")


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Sample(_Record):
    """One whole request. Seconds, as `measures` defines them."""

    first_byte: float
    first_audio: float
    first_audible: float
    total: float
    audio_seconds: float
    real_time_factor: float
    longest_gap: float
    underruns: int
    underrun_seconds: float
    encoded_bytes: int


class Cell(_Record):
    """All requests of one configuration, text, format and load."""

    configuration: str
    """`A`, or `B` of a comparison."""
    target: str
    model: str
    response_format: str
    text: str
    streams: int | None
    """At once, each beginning anew when it is done (closed loop); None in an open loop."""
    rate: float | None
    """Requests a second, at random times (open loop)."""
    samples: list[Sample]
    failures: list[str]
    """What went wrong: refused, broken off, not decodable, too short."""
    wall_seconds: float
    cpu_seconds: float | None
    """Of the working process, while the cell ran."""
    peak_memory_mb: float | None
    """Resident, of the working process, at its highest so far."""


class Machine(_Record):
    """Where it was measured."""

    platform: str
    processor: str
    cores: int
    python: str
    packages: dict[str, str]


class Result(_Record):
    """One run of the benchmark."""

    schema_version: int = SCHEMA
    command: str
    seed: int
    began: str
    """ISO 8601, UTC."""
    machine: Machine
    cells: list[Cell]


def this_machine() -> Machine:
    """The machine and the versions that shape the figures."""
    packages = {}
    for name in PACKAGES:
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            continue
    return Machine(
        platform=platform.platform(),
        processor=_processor(),
        cores=os.cpu_count() or 1,
        python=platform.python_version(),
        packages=packages,
    )


def save(result: Result, path: Path) -> None:
    """Write it as JSON.

    Raises:
        OutputError: the file cannot be written.
    """
    try:
        path.write_text(result.model_dump_json(indent=1) + "\n", encoding="utf-8")
    except OSError as exc:
        raise OutputError(f"cannot write {path}: {exc.strerror}") from exc


def load(path: Path) -> Result:
    """Read what `save` wrote.

    Raises:
        ConfigError: no such file, not a result, or one of another schema.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if values.get("schema_version") != SCHEMA:
            raise ConfigError(
                f"{path} has schema {values.get('schema_version')}; this version reads {SCHEMA}"
            )
        return Result.model_validate(values)
    except OSError as exc:
        raise ConfigError(f"cannot read {path}: {exc.strerror}") from exc
    except (ValueError, AttributeError, ValidationError) as exc:
        raise ConfigError(f"{path} is not a result of `tts-hub bench`") from exc


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()
