"""`POST /v1/audio/speech/captions`: audio with its word timings, as lines of JSON while it is made."""

from __future__ import annotations

import base64
import dataclasses
import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import IO, Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from tts_hub.audio.formats import AudioFormat
from tts_hub.captions.wire import audio_values, line_of
from tts_hub.progress import ProgressEvent, ignore
from tts_hub.request.stream import AudioStream, SpeechStream
from tts_hub.server.errors import failure_of
from tts_hub.server.finished import FinishedSpeech, opened_audio
from tts_hub.server.hub import Hub, TheHub
from tts_hub.server.interleaving import Interleaving
from tts_hub.server.kokoro import as_kokoro_would
from tts_hub.server.metrics import ClientGone
from tts_hub.server.reports import fallback_values, progress_values
from tts_hub.server.schema import CAPTIONED_ANSWERS, LINE_ANSWERS, LINES
from tts_hub.server.speech import usage
from tts_hub.server.streaming import CLIENT_CLOSED, StreamedSpeech, opened
from tts_hub.server.wire import CaptionedBody, KokoroCaptionedBody, speech_request
from tts_hub.types import WordTiming

router = APIRouter(tags=["captions"])


@router.post("/v1/audio/speech/captions", responses=LINE_ANSWERS, response_class=Response)
async def create_captioned_speech(body: CaptionedBody, request: Request, hub: TheHub) -> Response:
    """Speak, with word timings: lines of `{"audio", "words"}`, then `{"done", ...}` or `{"error"}`.

    `audio` is base64 and continues that of the line before. Words have `text`, `start` and `end` in
    seconds from the beginning, and `span`, their place in the characters of `input`. With `progress` there
    are lines of `{"progress"}` between them; those from before the first audio come together with it.
    """
    wanted = speech_request(body, request, hub)
    merged: Interleaving[bytes] = Interleaving()
    on_progress = merged.on_progress if body.progress else ignore
    try:
        speech = await opened(request, hub, lambda: hub.manager.stream(wanted, on_progress=on_progress))
    except ClientGone:
        return Response(status_code=CLIENT_CLOSED)
    return StreamedSpeech(speech, _lines(speech, merged, request.state.request_id), hub, media_type=LINES)


@router.post("/dev/captioned_speech", responses=CAPTIONED_ANSWERS, response_class=Response)
async def create_kokoro_captioned_speech(
    body: KokoroCaptionedBody, request: Request, hub: TheHub
) -> Response:
    """Speak with word timings in the shape of Kokoro-FastAPI, for its clients."""
    wanted = as_kokoro_would(speech_request(body, request, hub), body, hub)
    timed = body.return_timestamps
    try:
        if not body.stream:
            audio, audio_format = await opened(request, hub, lambda: opened_audio(wanted, hub))
            return _KokoroWhole(audio, audio_format, hub, timed=timed)
        speech = await opened(request, hub, lambda: hub.manager.stream(wanted))
    except ClientGone:
        return Response(status_code=CLIENT_CLOSED)
    # Kokoro-FastAPI calls its lines application/json, which they are not.
    return StreamedSpeech(speech, _kokoro_lines(speech, timed=timed), hub, media_type=LINES)


class NewWords:
    """The words of a stream that are new since the last call of `take`."""

    def __init__(self, speech: SpeechStream) -> None:
        self._speech = speech
        self._taken = 0

    def take(self) -> Sequence[WordTiming]:
        """The new words; each one comes once, in order."""
        words = self._speech.words[self._taken :]
        self._taken += len(words)
        return words


async def _lines(
    speech: SpeechStream, merged: Interleaving[bytes], request_id: str
) -> AsyncGenerator[bytes, None]:
    new = NewWords(speech)
    try:
        async with aclosing(merged.read(speech)) as items:
            async for item in items:
                if isinstance(item, ProgressEvent):
                    yield line_of({"progress": progress_values(item)})
                else:
                    yield line_of(audio_values(item[0], new.take()))
    except Exception as exc:
        yield line_of(failure_of(exc, request_id).envelope())
        raise
    if rest := new.take():
        yield line_of(audio_values(b"", rest))
    yield line_of({"done": _done(speech)})


def _done(speech: SpeechStream) -> dict[str, Any]:
    """The values of the last line: the report without the engine's own words."""
    report = speech.report
    return {
        "media_type": speech.media_type,
        "sample_rate": speech.sample_rate,
        "audio_seconds": report.audio_seconds,
        "backend": report.backend,
        "model": report.model,
        "voice": report.voice,
        "language": report.language,
        "detected_language": report.detected_language,
        "emotion": report.emotion,
        "ignored": report.ignored,
        "segments": report.segments,
        "first_audio_seconds": report.first_audio_seconds,
        "generation_seconds": report.generation_seconds,
        "elapsed_seconds": report.elapsed_seconds,
        "cut_segments": report.cut_segments,
        "retakes": [dataclasses.asdict(retake) for retake in report.retakes],
        "seed": report.seed,
        "watermarked": report.watermarked,
        "estimated_segments": report.estimated_segments,
        "fallbacks": [fallback_values(change) for change in report.fallbacks],
        "cost": report.cost,
        "cost_estimated": report.cost_estimated,
        "usage": usage(report),
    }


async def _kokoro_lines(speech: SpeechStream, *, timed: bool) -> AsyncGenerator[bytes, None]:
    new = NewWords(speech)
    async for data in speech:
        yield line_of(_kokoro(speech.media_type, data, new.take() if timed else None))
    if timed and (rest := new.take()):
        yield line_of(_kokoro(speech.media_type, b"", rest))


class _KokoroWhole(FinishedSpeech):
    """One JSON object with a finished file in it; it is never in memory as a whole."""

    def __init__(self, audio: AudioStream, audio_format: AudioFormat, hub: Hub, *, timed: bool) -> None:
        super().__init__(audio, audio_format, hub)
        self._media_type = audio_format.media_type
        self._timed = timed
        self.headers["content-type"] = "application/json"

    def size_of_body(self, size: int) -> int | None:
        """The size is not calculated in advance."""
        return None

    async def parts(self, file: IO[bytes], size: int) -> AsyncGenerator[bytes, None]:
        """The pieces of the JSON object."""
        yield b'{"audio":"'
        async for data in super().parts(file, size):
            yield base64.b64encode(data)
        values = _kokoro(self._media_type, b"", self._speech.words if self._timed else None)
        del values["audio"]
        yield b'",' + json.dumps(values, ensure_ascii=False).encode()[1:]


def _kokoro(media_type: str, data: bytes, words: Any) -> dict[str, Any]:
    return {
        "audio": _base64(data),
        "audio_format": media_type,
        "timestamps": None if words is None else [_kokoro_word(word) for word in words],
    }


def _kokoro_word(word: WordTiming) -> dict[str, Any]:
    return {"word": word.text, "start_time": word.start, "end_time": word.end}


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
