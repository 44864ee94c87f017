"""The result of a measurement: a record for each take, with the sound of the worst, and where it was made."""

from __future__ import annotations

import json
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from tts_hub.errors import ConfigError, OutputError

SCHEMA = 1
"""The version of the file format; it rises when a field changes its meaning."""
PACKAGES = (
    "tts-hub", "numpy", "onnxruntime", "torch", "espeakng-loader", "kokoro-onnx", "faster-whisper",
    "ctranslate2", "speechmos", "distillmos", "Resemblyzer",
)  # fmt: skip


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Take(_Record):
    """One sentence as one voice spoke it. A figure is None where it could not be measured."""

    kind: str
    text: str
    failure: str = ""
    """The error, where there is no audio; all figures are None then."""
    seconds: float | None = None
    heard: str | None = None
    """The transcript of the recogniser."""
    said: int | None = None
    """Words of the text, or characters."""
    errors: int | None = None
    """Words replaced, missing and added."""
    dnsmos: float | None = None
    """Overall, as the next three from 1 to 5."""
    dnsmos_signal: float | None = None
    dnsmos_background: float | None = None
    dnsmos_p808: float | None = None
    distillmos: float | None = None
    similarity: float | None = None
    silence_before: float | None = None
    """Seconds, as behind."""
    silence_behind: float | None = None
    clipped: int | None = None
    """Samples."""
    clicks: int | None = None
    click_strength: float | None = None
    """The strength of the strongest place."""
    loudness: float | None = None
    """LUFS."""
    audio: str = ""
    """An MP3 in base64, for the worst takes."""

    @property
    def error_rate(self) -> float | None:
        """Errors per word of this take."""
        return None if self.errors is None else self.errors / max(1, self.said or 0)


class WordTimes(_Record):
    """The errors of word times of one voice, in seconds; positive: reported too late."""

    starts: list[float] = []
    ends: list[float] = []
    unusable: int = 0
    """Requests in which the audio showed another number of words than were reported."""
    reason: str = ""
    """Why there are none."""


class Subject(_Record):
    """One voice of one engine in one language, and its takes in the order of the sentences."""

    engine: str
    voice: str
    language: str
    unit: str
    """`word` or `character`."""
    takes: list[Take]
    word_times: WordTimes | None = None

    @property
    def name(self) -> str:
        """The name in tables."""
        return f"{self.engine} {self.voice} {self.language}"


class Absent(_Record):
    """An engine, or a language of it, that was not measured."""

    name: str
    reason: str


class Result(_Record):
    """One measurement."""

    schema_version: int = SCHEMA
    command: str
    began: str
    """The start in ISO 8601, UTC."""
    seconds: float
    """How long it took."""
    seed: int
    recogniser: str
    machine: str
    packages: dict[str, str]
    subjects: list[Subject]
    absent: list[Absent]
    left_out: list[str]
    """Measures that were left out, with the reason and the command that installs them."""


def this_machine() -> str:
    """The machine in one line."""
    return f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def installed_packages() -> dict[str, str]:
    """The versions of the packages that shape the figures."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def save(result: Result, path: Path) -> None:
    """Write a result as JSON.

    Raises:
        OutputError: the file cannot be written.
    """
    write_text(path, result.model_dump_json(indent=1) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text file.

    Raises:
        OutputError: the file cannot be written.
    """
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as exc:
        raise OutputError(f"cannot write {path}: {exc.strerror}") from exc


def load(path: Path) -> Result:
    """Read a result that `save` wrote.

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
        raise ConfigError(f"{path} is not a result of `tts-hub quality`") from exc
