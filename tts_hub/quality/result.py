"""The result of a measurement: a record for each take, with the sound of the worst, and where it was made."""

from __future__ import annotations

import os
import platform

from pydantic import Field

from tts_hub.system.measurements import Measurement, Record

PACKAGES = (
    "tts-hub", "numpy", "onnxruntime", "torch", "espeakng-loader", "kokoro-onnx", "faster-whisper",
    "ctranslate2", "speechmos", "distillmos", "Resemblyzer",
)  # fmt: skip


class Take(Record):
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


class WordTimes(Record):
    """The errors of word times of one voice, in seconds; positive: reported too late."""

    starts: list[float] = Field(default_factory=list)
    ends: list[float] = Field(default_factory=list)
    unusable: int = 0
    """Requests in which the audio showed another number of words than were reported."""
    reason: str = ""
    """Why there are none."""


class Subject(Record):
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


class Absent(Record):
    """An engine, or a language of it, that was not measured."""

    name: str
    reason: str


class Result(Measurement):
    """One measurement."""

    SCHEMA = 1
    COMMAND = "tts-hub quality"

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
