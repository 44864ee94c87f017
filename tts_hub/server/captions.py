"""Audio together with its word timings, as lines of JSON while it is made."""

from __future__ import annotations

import base64
import dataclasses
import json
from collections.abc import AsyncGenerator
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from tts_hub.server.errors import failure_of
from tts_hub.server.hub import TheHub
from tts_hub.server.schema import JSON_ANSWERS
from tts_hub.server.speech import CLIENT_CLOSED, usage
from tts_hub.server.streaming import ClientGone, StreamedSpeech, opened
from tts_hub.server.wire import CaptionedBody, KokoroCaptionedBody, speech_request
from tts_hub.stream import SpeechStream
from tts_hub.types import WordTiming

LINES = "application/x-ndjson"

router = APIRouter(tags=["captions"])


@router.post("/v1/audio/speech/captions", responses=JSON_ANSWERS, response_class=Response)
async def create_captioned_speech(body: CaptionedBody, request: Request, hub: TheHub) -> Response:
    """Speak, with word timings: lines of `{"audio", "words"}`, then `{"done", ...}` or `{"error"}`.

    `audio` is base64 and continues that of the line before. Words have `text`, `start` and `end` in
    seconds from the beginning, and `span`, their place in the characters of `input`.
    """
    wanted = speech_request(body, request, hub)
    try:
        speech = await opened(request, hub, lambda: hub.manager.stream(wanted))
    except ClientGone:
        return Response(status_code=CLIENT_CLOSED)
    return StreamedSpeech(
        speech,
        _lines(speech, request.state.request_id),
        hub,
        media_type=LINES,
        response_format=speech.response_format,
    )


@router.post("/dev/captioned_speech", responses=JSON_ANSWERS, response_class=Response)
async def create_kokoro_captioned_speech(
    body: KokoroCaptionedBody, request: Request, hub: TheHub
) -> Response:
    """The same in the shape of Kokoro-FastAPI, for its clients."""
    if body.lang_code and not body.language:
        body = body.model_copy(update={"language": body.lang_code})
    wanted = speech_request(body, request, hub)
    try:
        speech = await opened(request, hub, lambda: hub.manager.stream(wanted))
    except ClientGone:
        return Response(status_code=CLIENT_CLOSED)
    if body.stream:
        return StreamedSpeech(
            speech,
            _kokoro_lines(speech, timed=body.return_timestamps),
            hub,
            media_type="application/json",
            response_format=speech.response_format,
        )
    return await _kokoro_whole(speech, hub, timed=body.return_timestamps)


async def _lines(speech: SpeechStream, request_id: str) -> AsyncGenerator[bytes, None]:
    told = 0
    try:
        async for data in speech:
            words = speech.words[told:]
            told += len(words)
            yield _line({"audio": _base64(data), "words": [dataclasses.asdict(word) for word in words]})
    except Exception as exc:
        yield _line(failure_of(exc, request_id).envelope())
        raise
    report = speech.report
    done = {
        "media_type": speech.media_type,
        "sample_rate": speech.sample_rate,
        "audio_seconds": report.audio_seconds,
        "backend": report.backend,
        "voice": report.voice,
        "fallbacks": [dataclasses.asdict(change) for change in report.fallbacks],
        "usage": usage(report),
    }
    yield _line({"done": done})


async def _kokoro_lines(speech: SpeechStream, *, timed: bool) -> AsyncGenerator[bytes, None]:
    told = 0
    async for data in speech:
        words = speech.words[told:]
        told += len(words)
        yield _line(_kokoro(speech, data, words if timed else None))


async def _kokoro_whole(speech: SpeechStream, hub: TheHub, *, timed: bool) -> Response:
    outcome = "error"
    try:
        data = await speech.read()
        outcome = "ok"
    finally:
        await speech.aclose()
        hub.metrics.ended(speech.report, speech.response_format, "ok" if outcome == "ok" else "error")
    return JSONResponse(_kokoro(speech, data, speech.words if timed else None))


def _kokoro(speech: SpeechStream, data: bytes, words: Any) -> dict[str, Any]:
    return {
        "audio": _base64(data),
        "audio_format": speech.media_type,
        "timestamps": None if words is None else [_kokoro_word(word) for word in words],
    }


def _kokoro_word(word: WordTiming) -> dict[str, Any]:
    return {"word": word.text, "start_time": word.start, "end_time": word.end}


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _line(values: dict[str, Any]) -> bytes:
    return json.dumps(values, ensure_ascii=False).encode() + b"\n"
