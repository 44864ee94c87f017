"""Progress: one callback per request, the same events from every engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

Stage = Literal[
    "downloading",
    "queued",
    "loading",
    "preparing",
    "generating",
    "first_audio",
    "segment",
    "fallback",
    "notice",
    "finished",
]
"""`preparing` is about a voice that an engine clones, apart from any request.
`generating` comes from engines that take long: what they have made so far is in `details`.
`notice` is something that the user ought to know, in `message`.
`downloading` is about a model's files, apart from any request: `bytes` and `total_bytes` are in `details`."""


@dataclass(frozen=True, slots=True)
class ProgressEvent:
    """One step of a request or of loading an engine."""

    stage: Stage
    backend: str = ""
    message: str = ""
    request_id: str = ""
    segment: int | None = None
    """The number of the segment, from 0."""
    segments: int | None = None
    """How many there are; None while the text is not at its end."""
    fraction: float | None = None
    """The part that is done, 0 to 1, where it is known."""
    audio_seconds: float = 0.0
    """Seconds of audio handed out so far."""
    elapsed_seconds: float = 0.0
    """Seconds since the request arrived."""
    details: Mapping[str, object] = field(default_factory=dict)
    """What an engine adds: tokens, bytes, real-time factor, cost."""


class ProgressCallback(Protocol):
    """Called on the event loop's thread; must return at once. What it raises is logged and ignored."""

    def __call__(self, event: ProgressEvent, /) -> None:
        """Receive one event."""


def ignore(event: ProgressEvent, /) -> None:
    """The callback that ignores every event."""
