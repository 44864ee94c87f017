"""`POST /v1/audio/speech`: OpenAI's endpoint, in plain audio or as server-sent events."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import AsyncGenerator
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from tts_hub.cost.pricing import CHARACTERS_PER_TEXT_TOKEN
from tts_hub.report import SpeechReport
from tts_hub.request.stream import SpeechStream
from tts_hub.server import finished
from tts_hub.server.errors import failure_of, has_tried_before
from tts_hub.server.finished import HELD_CHARACTERS, HELD_FORMATS, FinishedSpeech, HeldSpeech, opened_audio
from tts_hub.server.hub import TheHub
from tts_hub.server.metrics import ClientGone
from tts_hub.server.schema import AUDIO_ANSWERS, EVENT_STREAM
from tts_hub.server.streaming import CLIENT_CLOSED, StreamedSpeech, opened
from tts_hub.server.wire import SpeechBody, speech_request

TOKENS_PER_SECOND = 25
"""Tokens are counted roughly as OpenAI's speech models do: by characters in, by seconds out."""

router = APIRouter(tags=["speech"])


@router.post("/v1/audio/speech", responses=AUDIO_ANSWERS, response_class=Response)
async def create_speech(body: SpeechBody, request: Request, hub: TheHub) -> Response:
    """Speak. The audio leaves while the engine is at work; with `stream` `false`, as a finished file."""
    wanted = speech_request(body, request, hub)
    try:
        if body.stream_format == "sse":
            speech = await opened(request, hub, lambda: hub.manager.stream(wanted))
            events = _events(speech, request.state.request_id)
            return StreamedSpeech(speech, events, hub, media_type=EVENT_STREAM)
        audio, audio_format = await opened(request, hub, lambda: opened_audio(wanted, hub))
    except ClientGone:
        return Response(status_code=CLIENT_CLOSED)
    streams = body.stream
    if streams is None:
        streams = False if not hub.settings.stream or _reads_whole(request) else None
    if streams is False:
        return FinishedSpeech(audio, audio_format, hub)
    is_short = audio_format in HELD_FORMATS and len(body.input) <= HELD_CHARACTERS
    hold_seconds = finished.HELD_SECONDS if is_short and streams is None else 0.0
    return HeldSpeech(audio, audio_format, hub, hold_seconds=hold_seconds)


def _reads_whole(request: Request) -> bool:
    """Whether OpenAI's Python SDK repeats a request after an answer that broke off.

    Only its plain `create()` does so, which reads the whole answer anyway. It gets a finished file: where the
    engine fails again, the answer is an ordinary error with the reason, and there is no third try.
    """
    headers = request.headers
    streams = headers.get("x-stainless-raw-response") == "stream"
    return headers.get("x-stainless-lang") == "python" and not streams and has_tried_before(request.scope)


async def _events(speech: SpeechStream, request_id: str) -> AsyncGenerator[bytes, None]:
    """The events of OpenAI; a failure is one more event, then the connection breaks off without `[DONE]`."""
    try:
        async for data in speech:
            yield _event({"type": "speech.audio.delta", "audio": base64.b64encode(data).decode()})
    except Exception as exc:
        failure = failure_of(exc, request_id)
        yield _event({"type": "speech.audio.error"} | failure.envelope())
        raise
    yield _event({"type": "speech.audio.done", "usage": usage(speech.report)})
    yield b"data: [DONE]\n\n"


def usage(report: SpeechReport) -> dict[str, int]:
    """An estimate of the tokens that OpenAI would count."""
    tokens_in = math.ceil(report.characters / CHARACTERS_PER_TEXT_TOKEN)
    tokens_out = round(report.audio_seconds * TOKENS_PER_SECOND)
    return {"input_tokens": tokens_in, "output_tokens": tokens_out, "total_tokens": tokens_in + tokens_out}


def _event(values: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(values)}\n\n".encode()
