"""`POST /v1/audio/speech`: OpenAI's endpoint, in plain audio or as server-sent events."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from tts_hub.report import SpeechReport
from tts_hub.server.errors import failure_of
from tts_hub.server.hub import TheHub
from tts_hub.server.metrics import ClientGone
from tts_hub.server.schema import AUDIO_ANSWERS, EVENT_STREAM
from tts_hub.server.streaming import StreamedSpeech, opened
from tts_hub.server.wire import SpeechBody, speech_request
from tts_hub.stream import SpeechStream

CHARACTERS_PER_TOKEN = 4
TOKENS_PER_SECOND = 25
"""Usage is counted as OpenAI's speech models roughly do: by characters in, by time out."""
CLIENT_CLOSED = 499
"""Nobody reads it; the status that proxies log for a client who has gone."""

router = APIRouter(tags=["speech"])


@router.post("/v1/audio/speech", responses=AUDIO_ANSWERS, response_class=Response)
async def create_speech(body: SpeechBody, request: Request, hub: TheHub) -> Response:
    """Speak. The audio leaves while the engine is still at work."""
    wanted = speech_request(body, request, hub)
    try:
        speech = await opened(request, hub, lambda: hub.manager.stream(wanted))
    except ClientGone:
        return Response(status_code=CLIENT_CLOSED)
    if body.stream_format == "sse":
        return StreamedSpeech(
            speech,
            _events(speech, request.state.request_id),
            hub,
            media_type=EVENT_STREAM,
        )
    return StreamedSpeech(speech, _bytes(speech), hub, media_type=speech.media_type)


async def _bytes(speech: SpeechStream) -> AsyncGenerator[bytes, None]:
    async with aclosing(speech):
        async for data in speech:
            yield data


async def _events(speech: SpeechStream, request_id: str) -> AsyncGenerator[bytes, None]:
    """OpenAI's events; a failure is one more event, and then the connection breaks off without `[DONE]`."""
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
    """Tokens in OpenAI's terms, estimated."""
    tokens_in = math.ceil(report.characters / CHARACTERS_PER_TOKEN)
    tokens_out = round(report.audio_seconds * TOKENS_PER_SECOND)
    return {"input_tokens": tokens_in, "output_tokens": tokens_out, "total_tokens": tokens_in + tokens_out}


def _event(values: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(values)}\n\n".encode()
