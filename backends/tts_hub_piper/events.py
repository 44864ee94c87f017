"""Progress events of a segment, with messages for users."""

from __future__ import annotations

import dataclasses

from tts_hub.progress import ProgressEvent
from tts_hub.types import SegmentRequest
from tts_hub_piper.official import MODEL
from tts_hub_piper.speech import PieceProgress, UnknownSymbols


def event_of(request: SegmentRequest, step: PieceProgress | UnknownSymbols) -> ProgressEvent:
    """The progress event for a step of `speak`."""
    if isinstance(step, UnknownSymbols):
        message = f"voice {request.voice.id} does not know {' '.join(step.symbols)}: left out"
        return ProgressEvent("notice", MODEL, message, request.request_id, request.index)
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
