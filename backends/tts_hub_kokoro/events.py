"""Progress events of a segment, with messages for users."""

from __future__ import annotations

import dataclasses

from tts_hub.progress import ProgressEvent
from tts_hub.types import SegmentRequest
from tts_hub_kokoro.speech import PieceProgress, UnreadWords
from tts_hub_kokoro.variants import MODEL

MOST_QUOTED = 5
"""Words of the text that a notice shows."""


def event_of(request: SegmentRequest, step: PieceProgress | UnreadWords) -> ProgressEvent:
    """The progress event for a step of `speak`."""
    if isinstance(step, UnreadWords):
        return ProgressEvent("notice", MODEL, _notice(step, request), request.request_id, request.index)
    more = step.piece < step.pieces
    return ProgressEvent(
        "generating",
        backend=MODEL,
        request_id=request.request_id,
        segment=request.index,
        message=f"speaking part {step.piece + 1} of {step.pieces}" if more else "",
        fraction=step.piece / step.pieces,
        details={"stage": "spoken" if step.piece else "phonemised", **dataclasses.asdict(step), "cost": 0.0},
    )


def _notice(step: UnreadWords, request: SegmentRequest) -> str:
    words = ", ".join(step.words[:MOST_QUOTED]) + (", ..." if len(step.words) > MOST_QUOTED else "")
    message = f"voice {request.voice.id} cannot read {words}: spelled or left out"
    return f"{message}; to have it read: {step.remedy}" if step.remedy else message
