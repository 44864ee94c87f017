"""Reports as clients get them: what an engine said when it failed stays in the log."""

from __future__ import annotations

import dataclasses
import logging
from typing import Any

from tts_hub.errors import NoAudioError
from tts_hub.progress import ProgressEvent
from tts_hub.report import Fallback, SpeechReport

SAID_OF = {
    "engine_unavailable": "it was not available",
    "engine_stalled": "it gave nothing for too long",
    "engine_refused": "it cannot do what was asked, or not now",
    "no_audio": "it made no sound of the text",
}
logger = logging.getLogger(__name__)


def report_values(report: SpeechReport) -> dict[str, Any]:
    """A report as JSON has it."""
    return dataclasses.asdict(report) | {
        "fallbacks": [fallback_values(change) for change in report.fallbacks]
    }


def fallback_values(change: Fallback) -> dict[str, Any]:
    """A change of engine as JSON has it: `kind` is the `code` that the failure would have had by itself."""
    return dataclasses.asdict(change) | {"error": SAID_OF.get(change.kind, "it failed while it was speaking")}


def progress_values(event: ProgressEvent) -> dict[str, Any]:
    """A step as JSON has it. An engine's own words may name files or quote the text: they are not told."""
    values = {name: value for name, value in dataclasses.asdict(event).items() if value not in (None, "", {})}
    values.pop("message", None)
    values.pop("details", None)
    sizes = {name: event.details[name] for name in ("bytes", "total_bytes") if name in event.details}
    if event.stage in {"segment", "notice", "downloading"} and event.message:
        values["message"] = event.message
    elif event.stage == "fallback":
        values["message"] = f"another engine goes on at segment {event.segment}"
    return values | sizes


def log_fallbacks(report: SpeechReport) -> None:
    """Note why engines were changed, which nobody else is told."""
    for change in report.fallbacks:
        quiet = change.kind == NoAudioError.kind  # its message may have a piece of the text in it
        logger.warning(
            "request %s: engine %s failed (%s%s), %s went on at character %d",
            report.request_id,
            change.failed,
            change.kind,
            "" if quiet else f": {change.error}",
            change.continued,
            change.position,
        )
