"""The interface through which the studio lists engines and generates speech."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Protocol, Self

from tts_hub.cost.pricing import CostEstimate
from tts_hub.emotions.profile import EmotionSettings
from tts_hub.progress import ProgressCallback
from tts_hub.report import SpeechReport
from tts_hub.types import AudioChunk, ModelFiles, SpeechRequest, Voice


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """One engine, as the studio shows it."""

    name: str
    description: str
    models: tuple[str, ...]
    """The models that a request may name; the first is the default."""
    ready: bool
    state: str
    """`unloaded`, `loading`, `ready` or `failed`."""
    reason: str = ""
    """Why it is not ready."""
    remedy: str = ""
    """A command that fixes it, or empty."""
    active: int = 0
    """Segments being generated."""
    waiting: int = 0
    """Requests waiting for their first turn."""
    downloads: tuple[ModelFiles, ...] = ()
    """The models whose files it can download, and which of the files are here."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """The JSON Schema of the options that a request may carry; `properties` is empty if there are none."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The engines of a hub."""

    engines: tuple[EngineInfo, ...]
    auto: str | None
    """The engine that the model `auto` stands for now; None if none is ready."""
    problems: tuple[str, ...] = ()
    """Errors of the configuration, such as an unknown model."""


class Speech(Protocol):
    """The audio of one request, while it is generated. An `AudioStream` is one."""

    sample_rate: int
    """The sample rate in Hz."""

    @property
    def report(self) -> SpeechReport:
        """The figures so far; final once the iteration has ended."""

    def __aiter__(self) -> AsyncIterator[AudioChunk]:
        """Chunks at `sample_rate`; their words in seconds from the start and characters of the whole text."""

    async def aclose(self) -> None:
        """Stop the engine if it still works, and wait until it has stopped."""


class Hub(Protocol):
    """A source of speech. Its methods raise only errors of `tts_hub.errors`; all belong to one event loop."""

    name: str
    """The name that users see: `this machine`, or the address of a server."""
    allows_pauses: bool
    """Whether a reader of its speech may pause for any time."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    async def catalogue(self) -> Catalogue:
        """The engines; quick enough to be called every second."""

    async def voices(self, model: str) -> Sequence[Voice]:
        """The voices of the engine behind a model, the default one first."""

    async def add_emotion(self, name: str, character: str, settings: EmotionSettings) -> str:
        """Keep an emotion profile, of one voice or of any; returns its full name, such as `sarah:excited`."""

    async def estimate(self, request: SpeechRequest) -> CostEstimate:
        """The length and cost that a request would have."""

    async def speak(self, request: SpeechRequest, on_progress: ProgressCallback) -> Speech:
        """Begin to generate speech; returns once the first audio exists."""

    async def pull(self, model: str, on_progress: ProgressCallback, *, variant: str | None = None) -> None:
        """Download the files of a model; cancelling it keeps what has arrived."""
