"""The result of a benchmark: one record per cell of the table, and the machine that made it."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from tts_hub.bench.measures import percentiles
from tts_hub.system.measurements import Measurement, Record, installed_packages

PACKAGES = ("tts-hub", "av", "numpy", "anyio", "espeakng-loader", "onnxruntime", "torch", "uvicorn", "httpx")


class Sample(Record):
    """One whole request. Times are in seconds, as `measures` defines them."""

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
    turn: int = 0
    """The number of its turn in a comparison A B A B: samples of one turn were taken next to each other."""


class Cell(Record):
    """All requests of one configuration, text, format and load."""

    configuration: str
    """`A`, or `B` of a comparison."""
    target: str
    model: str
    voice: str | None = None
    response_format: str
    text: str
    streams: int | None
    """Streams at once, each starting again when it is done (closed loop); None in an open loop."""
    rate: float | None
    """Requests a second, at random times (open loop)."""
    samples: list[Sample]
    """One for each whole request, in the order of their starts."""
    failures: list[str]
    """The other requests, in words: refused, broken off, not decodable, silent, too short."""
    wall_seconds: float
    cpu_seconds: float | None
    """CPU time of the working process while the cell ran."""
    client_cpu_seconds: float | None
    """CPU time of the benchmark itself meanwhile; None where it is the working process."""
    peak_memory_mb: float | None
    """The highest resident memory of the working process while the cell ran."""
    yardsticks: list[float]
    """Seconds that a fixed piece of work took before and after, which show how busy the machine was."""
    percentiles: dict[str, dict[str, float]] = Field(default_factory=dict)
    """Each measure -> its percentiles over the samples, as `measures.percentiles` defines them."""

    @model_validator(mode="after")
    def _summarise(self) -> Self:
        names = [name for name in Sample.model_fields if name != "turn"] if self.samples else []
        self.percentiles = {
            name: percentiles([float(getattr(sample, name)) for sample in self.samples]) for name in names
        }
        return self

    @property
    def load(self) -> str:
        """The load in words: `4 streams`, or `2.5/s`."""
        if self.rate is not None:
            return f"{self.rate:g}/s"
        return f"{self.streams} stream" + ("s" if self.streams != 1 else "")

    @property
    def name(self) -> str:
        """The name of the cell, without model and voice."""
        return f"{self.target} {self.response_format} {self.text} {self.load}"


class Machine(Record):
    """The machine that was measured on."""

    platform: str
    processor: str
    cores: int
    python: str
    packages: dict[str, str]


class Result(Measurement):
    """One run of the benchmark."""

    SCHEMA = 2
    COMMAND = "tts-hub bench"

    schema_version: int = SCHEMA
    command: str
    seed: int
    began: str
    """The start in ISO 8601, UTC."""
    machine: Machine
    cells: list[Cell]


def this_machine() -> Machine:
    """The machine and the versions that shape the figures."""
    return Machine(
        platform=platform.platform(),
        processor=_processor(),
        cores=os.cpu_count() or 1,
        python=platform.python_version(),
        packages=installed_packages(PACKAGES),
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()
