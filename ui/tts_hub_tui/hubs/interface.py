"""What the studio needs of whoever speaks for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Protocol, Self

from tts_hub.pricing import CostEstimate
from tts_hub.progress import ProgressCallback
from tts_hub.report import SpeechReport
from tts_hub.types import AudioChunk, ModelFiles, SpeechRequest, Voice


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """One engine, as the studio shows it."""

    name: str
    description: str
    models: tuple[str, ...]
    """What a request may name; the first is the default."""
    ready: bool
    state: str
    """`unloaded`, `loading`, `ready` or `failed`: whether it is in memory."""
    reason: str = ""
    """Why it is not ready."""
    remedy: str = ""
    """A command that fixes it, or empty."""
    active: int = 0
    """Segments being generated."""
    waiting: int = 0
    """Requests waiting for their first turn."""
    downloads: tuple[ModelFiles, ...] = ()
    """Models whose files it can fetch, and what is here of them."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """JSON Schema of the options that a request may carry; `properties` is empty if there are none."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What there is to speak with."""

    engines: tuple[EngineInfo, ...]
    auto: str | None
    """The engine that the model `auto` means now; None when none is ready."""
    problems: tuple[str, ...] = ()
    """What the configuration asks for and cannot get."""


class Speech(Protocol):
    """The audio of one request, while it is made. An `AudioStream` is one."""

    sample_rate: int
    """Hz."""

    @property
    def report(self) -> SpeechReport:
        """Where the request stands; final once the iteration has ended."""

    def __aiter__(self) -> AsyncIterator[AudioChunk]:
        """Chunks at `sample_rate`; words in seconds from the start and characters of the whole text."""

    async def aclose(self) -> None:
        """Stop the engine if it is still at work, and wait until it has stopped."""


class Hub(Protocol):
    """Speaks. Every method raises only errors of `tts_hub.errors`; all belong to one event loop."""

    name: str
    """Where it is, for people to read."""
    allows_pauses: bool
    """A reader of its speech may pause for as long as it likes."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    async def catalogue(self) -> Catalogue:
        """The engines now; quick enough to be asked every second."""

    async def voices(self, model: str) -> Sequence[Voice]:
        """Voices of the engine behind a model, the default one first."""

    async def estimate(self, request: SpeechRequest) -> CostEstimate:
        """What it would cost."""

    async def speak(self, request: SpeechRequest, on_progress: ProgressCallback) -> Speech:
        """Begin to speak; returns once the first audio exists."""

    async def pull(self, model: str, on_progress: ProgressCallback, *, variant: str | None = None) -> None:
        """Fetch the files of a model; cancelling it keeps what has arrived."""
