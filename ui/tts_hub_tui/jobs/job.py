"""A job: one text to speak, from the request to the recording."""

from __future__ import annotations

import math
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from tts_hub.progress import ProgressEvent
from tts_hub.report import SpeechReport
from tts_hub.types import SpeechRequest
from tts_hub_tui.failure import Failure
from tts_hub_tui.storage.entry import Facts, HistoryEntry, Outcome, request_fields
from tts_hub_tui.storage.recording import Recording

JobState = Literal["queued", "speaking", "done", "stopped", "failed"]


@dataclass(frozen=True, slots=True)
class Export:
    """A file to write of a job's recording, with captions beside it."""

    path: Path
    response_format: str
    captions: tuple[Path, ...] = ()


@dataclass(slots=True)
class Job:
    """One request and its results so far."""

    request: SpeechRequest
    text: str
    hub: str
    """The name of the hub that generates it."""
    id: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    state: JobState = "queued"
    event: ProgressEvent | None = None
    """The last step of its progress."""
    segments_done: int = 0
    fraction: float = 0.0
    """The part of the text that is generated, 0 to 1; 0 while it is unknown."""
    warnings: list[str] = field(default_factory=list)
    """Messages about changes of engine, cut segments and other events that ended nothing."""
    recording: Recording | None = None
    report: SpeechReport | None = None
    failure: Failure | None = None
    exports: list[Export] = field(default_factory=list)
    """Files that are not written yet."""
    seconds_waited: float = 0.0
    """Seconds in which generation waited for playback."""

    @property
    def is_over(self) -> bool:
        """Whether no more audio will be generated."""
        return self.state not in ("queued", "speaking")

    @property
    def seconds_left(self) -> float | None:
        """Seconds of work until everything is generated, at the pace so far; None while it is unknown."""
        if self.state != "speaking" or self.report is None or not self.fraction:
            return None
        worked = max(0.0, self.report.elapsed_seconds - self.seconds_waited)
        left = worked * (1 - self.fraction) / self.fraction
        return left if math.isfinite(left) else None

    def apply(self, event: ProgressEvent) -> None:
        """Take over one step of the progress."""
        self.event = event
        if event.fraction is not None and event.stage in ("segment", "finished"):
            self.fraction = max(self.fraction, event.fraction)
        if event.stage == "segment" and event.segment is not None:
            self.segments_done = event.segment + 1
        if event.message and event.stage in ("fallback", "segment", "notice"):
            self.warnings.append(event.message)

    def reset(self) -> None:
        """Return to the state of a job that waits, with nothing generated."""
        self.state = "queued"
        self.event = self.recording = self.report = self.failure = None
        self.segments_done, self.fraction, self.seconds_waited = 0, 0.0, 0.0
        self.warnings.clear()

    def entry(self) -> HistoryEntry:
        """The entry of the history; a job that is being generated counts as stopped."""
        outcomes: dict[JobState, Outcome] = {"queued": "waiting", "done": "done", "failed": "failed"}
        outcome = outcomes.get(self.state, "stopped")
        report, failure = self.report, self.failure
        facts = Facts(
            hub=self.hub,
            engine=report.backend if report else "",
            voice=report.voice if report else "",
            language=report.language if report else "",
            audio_seconds=self.recording.seconds if self.recording else 0.0,
            first_audio_seconds=report.first_audio_seconds if report else None,
            real_time_factor=report.real_time_factor if report else None,
            cost=report.cost if report else 0.0,
            error=failure.message if failure else "",
            remedy=failure.remedy if failure else "",
        )
        size = self.recording.bytes if self.recording else 0
        fields = request_fields(self.request)
        return HistoryEntry(self.id, self.created, self.text, len(self.text), fields, outcome, facts, size)
