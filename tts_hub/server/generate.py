"""`POST /generate`: speech with an emotion, as a file to fetch or as a stream, and the files."""

from __future__ import annotations

from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Path, Request
from pydantic import Field
from starlette.responses import FileResponse, Response

from tts_hub.audio.formats import find_format
from tts_hub.errors import TextTooLongError
from tts_hub.report import SpeechReport
from tts_hub.server.errors import Failure, FailureError
from tts_hub.server.finished import HeldSpeech, opened_audio
from tts_hub.server.hub import Hub, TheHub
from tts_hub.server.metrics import ClientGone, outcome_of
from tts_hub.server.reports import log_fallbacks, report_values
from tts_hub.server.schema import FILE_ANSWERS, GENERATED_ANSWERS
from tts_hub.server.streaming import CLIENT_CLOSED, opened, unless_hung_up
from tts_hub.server.voices import PRIVATE
from tts_hub.server.wire import Utterance
from tts_hub.types import SpeechRequest

router = APIRouter(tags=["emotions"])


class GenerateBody(Utterance):
    """The body of `POST /generate`."""

    text: str = Field(description="The text to speak.")
    settings: dict[str, Any] = Field(default_factory=dict, description="As `emotion_settings`.")
    stream: bool = Field(False, description="`true`: the audio itself while it is made, instead of JSON.")


@router.post("/generate", responses=GENERATED_ANSWERS)
async def generate(body: GenerateBody, request: Request, hub: TheHub) -> Any:
    """Speak a text with an emotion: JSON with the address of the file, or the audio as it is made."""
    wanted = _request(body, request, hub)
    try:
        if body.stream:
            audio, audio_format = await opened(request, hub, lambda: opened_audio(wanted, hub))
            return HeldSpeech(audio, audio_format, hub, hold_seconds=0.0)
        return await unless_hung_up(request.receive, lambda: _generated(hub, wanted))
    except ClientGone:
        return Response(status_code=CLIENT_CLOSED)


@router.get("/outputs/{filename}", responses=FILE_ANSWERS, response_class=Response)
async def get_output(filename: Annotated[str, Path(max_length=100)], hub: TheHub) -> Response:
    """Finished speech; ranges are answered. It is kept for `server.output_hours`."""
    path = await to_thread.run_sync(hub.outputs.find, filename)
    if path is None:
        raise FailureError(Failure(404, "there is no such file, or not any more", "file_not_found"))
    media_type = find_format(path.suffix.removeprefix(".")).media_type
    return FileResponse(path, media_type=media_type, headers=PRIVATE)


def _request(body: GenerateBody, request: Request, hub: Hub) -> SpeechRequest:
    most = hub.settings.max_characters
    if len(body.text) > most:
        raise TextTooLongError(f"the text has {len(body.text)} characters; this server takes {most} at most")
    if body.settings:
        body = body.model_copy(update={"emotion_settings": {**body.emotion_settings, **body.settings}})
    return body.request(body.text, request.state.request_id)


async def _generated(hub: Hub, wanted: SpeechRequest) -> dict[str, Any]:
    audio_format = find_format(wanted.response_format or hub.manager.config.audio.response_format)
    path = await to_thread.run_sync(hub.outputs.new, audio_format)
    report: SpeechReport | None = None
    hub.metrics.count_start()
    try:
        stream = await hub.manager.save(wanted, path)
        report = stream.report
    except BaseException as exc:
        hub.metrics.count_end(report, audio_format.name, outcome_of(exc))
        raise
    hub.metrics.count_end(report, audio_format.name, "ok")
    log_fallbacks(report)
    await to_thread.run_sync(hub.outputs.tidy)
    return {
        "audio_url": f"/outputs/{path.name}",
        "filename": path.name,
        "media_type": audio_format.media_type,
        "seconds": round(report.audio_seconds, 3),
        "voice": report.voice,
        "emotion": report.emotion,
        "ignored": report.ignored,
        "report": report_values(report),
    }
