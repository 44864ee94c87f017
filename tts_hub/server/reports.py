"""Reports for clients: the words of an engine that failed stay in the log."""

from __future__ import annotations

import dataclasses
import logging
import math
from typing import Any

from tts_hub.captions.wire import PROGRESS_BYTES, PROGRESS_NUMBERS
from tts_hub.errors import NoAudioError
from tts_hub.progress import ProgressEvent
from tts_hub.report import Fallback, SpeechReport
from tts_hub.request.stream import place_of
from tts_hub.server.privacy import without_folders
from tts_hub.types import Availability

FALLBACK_REASONS = {
    "engine_unavailable": "it was not available",
    "engine_stalled": "it gave nothing for too long",
    "engine_refused": "it cannot do what was asked, or not now",
    "no_audio": "it generated no sound for the text",
}
logger = logging.getLogger(__name__)


def report_values(report: SpeechReport) -> dict[str, Any]:
    """A report as a JSON object."""
    return dataclasses.asdict(report) | {
        "fallbacks": [fallback_values(change) for change in report.fallbacks]
    }


def fallback_values(change: Fallback) -> dict[str, Any]:
    """A change of engine as a JSON object; `kind` is the `code` that the failure alone would have had."""
    return dataclasses.asdict(change) | {
        "error": FALLBACK_REASONS.get(change.kind, "it failed while it was speaking")
    }


def reason_of(availability: Availability) -> str:
    """The reason why an engine is not ready, for clients."""
    return "its own code failed" if availability.internal else without_folders(availability.reason)


def progress_values(event: ProgressEvent) -> dict[str, Any]:
    """A progress event as a JSON object, without the engine's words, which may name files or quote the text.

    Its numbers are under `details`, and the bytes of a download beside the other fields.
    """
    texts = {name: getattr(event, name) for name in ("stage", "backend", "request_id")}
    values = {name: text for name, text in texts.items() if text}
    counted = {name: getattr(event, name) for name in PROGRESS_NUMBERS}
    values |= {name: number for name, number in counted.items() if _is_number(number)}
    if event.stage in {"segment", "notice", "downloading"} and event.message:
        values["message"] = without_folders(event.message)
    elif event.stage == "fallback":
        place = place_of(event.segment or 0)
        only = event.details.get("only_segment")
        values["message"] = (
            f"another engine speaks {place}" if only else f"continuing with another engine from {place}"
        )
    numbers = {name: value for name, value in event.details.items() if _is_number(value)}
    if event.stage == "downloading":
        return values | {name: numbers[name] for name in PROGRESS_BYTES if name in numbers}
    return values | ({"details": numbers} if numbers else {})


def _is_number(value: object) -> bool:
    """Whether JSON can hold the value as a number."""
    return isinstance(value, int | float) and math.isfinite(value)


def log_fallbacks(report: SpeechReport) -> None:
    """Log why engines were changed; clients do not get that."""
    for change in report.fallbacks:
        quiet = change.kind == NoAudioError.kind  # its message may have a piece of the text in it
        logger.warning(
            "request %s: engine %s failed (%s%s), %s %s from character %d",
            report.request_id,
            change.failed,
            change.kind,
            "" if quiet else f": {change.error}",
            "one segment is spoken by" if change.only_segment else "continuing with",
            change.continued,
            change.position,
        )
