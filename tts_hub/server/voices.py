"""Voices that users keep: upload, change, remove, restore, hand on, prepare."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Form, Request, UploadFile
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import FileResponse, JSONResponse, Response

from tts_hub.engines.preparation import Preparation
from tts_hub.errors import UnknownVoiceError
from tts_hub.progress import ProgressCallback
from tts_hub.server.hub import Hub, TheHub
from tts_hub.server.lines import ProgressLines
from tts_hub.server.rights import MayEdit, content_of, not_found
from tts_hub.server.schema import FILE_ANSWERS, JSON_ANSWERS, LINE_ANSWERS
from tts_hub.store.names import Names
from tts_hub.store.records import StoredSample, StoredVoice
from tts_hub.store.voices import VoiceFields

router = APIRouter(tags=["voices"])
PRIVATE = {"cache-control": "private, no-store", "x-content-type-options": "nosniff"}
"""Headers of answers with somebody's voice in them."""
Text = Annotated[str, Form()]


class VoiceChanges(BaseModel):
    """The body of a change; what is absent stays."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = None
    description: str | None = None
    language: str | None = Field(None, description="BCP 47 tag of the recordings.")
    consent: str | None = Field(None, description="Who has agreed to the use of the voice, and when.")


class PrepareBody(BaseModel):
    """The body of a request to prepare voices."""

    model: str | None = Field(
        None, description="The engine, which is loaded for it. Default: those that are loaded."
    )


@router.post("/v1/audio/voices", responses=JSON_ANSWERS)
async def add_voice(
    *,
    _: MayEdit,
    hub: TheHub,
    name: Text,
    audio_sample: UploadFile,
    consent: Text = "",
    description: Text = "",
    language: Text = "",
    transcript: Text = "",
) -> dict[str, Any]:
    """Make a voice of a recording: WAV, MP3, FLAC, Ogg, M4A or WebM, 5 to 30 s of one speaker."""
    clip, origin = await content_of(audio_sample)
    voice = await hub.manager.store.add_voice(
        name,
        clip,
        origin=origin,
        transcript=transcript,
        description=description,
        language=language,
        consent=consent,
    )
    return await _values(hub, voice)


@router.post("/v1/audio/voices/import", responses=JSON_ANSWERS)
async def import_voice(
    _: MayEdit, hub: TheHub, file: UploadFile, name: Text = "", description: UploadFile | None = None
) -> dict[str, Any]:
    """Take in an exported voice, a ZIP with one recording and a JSON file, or a recording and its JSON."""
    data, _origin = await content_of(file)
    described = (await content_of(description))[0] if description is not None else None
    return await _values(hub, await hub.manager.store.import_voice(data, name=name, description=described))


@router.get("/v1/audio/stored-voices", responses=JSON_ANSWERS)
async def list_stored_voices(hub: TheHub, removed: bool = False) -> JSONResponse:
    """The voices that users keep, or with `removed` those that can be restored."""
    names = await hub.manager.store.names()
    voices = await hub.manager.store.voices(removed=True) if removed else names.voices
    rows = [_row(hub, voice, names) for voice in voices]
    return JSONResponse({"object": "list", "data": rows})  # FastAPI would look at each value again


@router.get("/v1/audio/voices/{voice_id}", responses=JSON_ANSWERS)
async def get_voice(voice_id: str, hub: TheHub) -> dict[str, Any]:
    """One voice by its id or name, with its recordings and its emotions."""
    with not_found():
        return await _values(hub, await hub.manager.store.voice(voice_id))


@router.patch("/v1/audio/voices/{voice_id}", responses=JSON_ANSWERS)
async def change_voice(voice_id: str, body: VoiceChanges, _: MayEdit, hub: TheHub) -> dict[str, Any]:
    """Change the name, description, language or note of consent."""
    given = body.model_dump(exclude_none=True)
    changes = VoiceFields(**given)  # type: ignore[typeddict-item]
    with not_found():
        return await _values(hub, await hub.manager.store.change_voice(voice_id, **changes))


@router.delete("/v1/audio/voices/{voice_id}", responses=JSON_ANSWERS)
async def remove_voice(voice_id: str, _: MayEdit, hub: TheHub) -> dict[str, Any]:
    """Remove a voice. It can be restored for a while, then its recordings are deleted."""
    with not_found():
        voice = await hub.manager.store.remove_voice(voice_id)
    seconds = hub.manager.config.store.undo_seconds
    return {"id": voice.id, "object": "audio.voice.deleted", "deleted": True, "restorable_seconds": seconds}


@router.post("/v1/audio/voices/{voice_id}/restore", responses=JSON_ANSWERS)
async def restore_voice(voice_id: str, _: MayEdit, hub: TheHub) -> dict[str, Any]:
    """Bring back a voice that was removed, by its id."""
    with not_found():
        return await _values(hub, await hub.manager.store.restore_voice(voice_id))


@router.get("/v1/audio/voices/{voice_id}/export", responses=FILE_ANSWERS, response_class=Response)
async def export_voice(voice_id: str, hub: TheHub) -> Response:
    """The voice, its recordings and its own emotions as one file."""
    with not_found():
        voice = await hub.manager.store.voice(voice_id)
        data = await hub.manager.store.export_voice(voice.id)
    name = f"attachment; filename*=UTF-8''{quote(voice.name)}.voice.zip"
    return Response(data, media_type="application/zip", headers={"content-disposition": name, **PRIVATE})


@router.post("/v1/audio/voices/{voice_id}/samples", responses=JSON_ANSWERS)
async def add_sample(
    voice_id: str, _: MayEdit, hub: TheHub, audio_sample: UploadFile, transcript: Text = ""
) -> dict[str, Any]:
    """Add a recording. Engines that take one recording take the newest."""
    clip, origin = await content_of(audio_sample)
    with not_found():
        store = hub.manager.store
        return await _values(
            hub, await store.add_sample(voice_id, clip, origin=origin, transcript=transcript)
        )


@router.get(
    "/v1/audio/voices/{voice_id}/samples/{sample_id}", responses=FILE_ANSWERS, response_class=Response
)
async def get_sample(voice_id: str, sample_id: int, hub: TheHub) -> Response:
    """The sound of a recording, as FLAC."""
    with not_found():
        voice = await hub.manager.store.voice(voice_id)
        return sample_file(voice.samples, sample_id)


@router.delete("/v1/audio/voices/{voice_id}/samples/{sample_id}", responses=JSON_ANSWERS)
async def remove_sample(voice_id: str, sample_id: int, _: MayEdit, hub: TheHub) -> dict[str, Any]:
    """Remove a recording at once and for good."""
    with not_found():
        return await _values(hub, await hub.manager.store.remove_sample(voice_id, sample_id))


@router.post("/v1/audio/voices/{voice_id}/prepare", responses=LINE_ANSWERS, response_class=Response)
async def prepare_voice(voice_id: str, body: PrepareBody, request: Request, hub: TheHub) -> Response:
    """Compute what engines need of a voice: lines of `{"progress"}`, then `{"done"}` or `{"error"}`."""
    with not_found():
        name = (await hub.manager.store.voice(voice_id)).name

    async def prepare(on_progress: ProgressCallback) -> list[Preparation]:
        return await hub.manager.prepare_voice(name, body.model, on_progress)

    return ProgressLines(hub, request.state.request_id, prepare, _preparations)


@router.get("/v1/audio/prepared-voices", responses=JSON_ANSWERS)
async def count_prepared(hub: TheHub) -> dict[str, Any]:
    """What engines have prepared, on disk."""
    return dataclasses.asdict(await hub.manager.store.prepared_statistics())


@router.delete("/v1/audio/prepared-voices", responses=JSON_ANSWERS)
async def clear_prepared(_: MayEdit, hub: TheHub) -> dict[str, Any]:
    """Drop what engines have prepared, in memory and on disk; answers what was on disk."""
    return dataclasses.asdict(await hub.manager.clear_prepared())


def sample_file(samples: Sequence[StoredSample], sample_id: int) -> Response:
    """The file of one of the recordings; ranges are answered.

    Raises:
        UnknownVoiceError: there is no such recording.
    """
    for sample in samples:
        if sample.id == sample_id:
            return FileResponse(sample.path, media_type="audio/flac", headers=PRIVATE)
    raise UnknownVoiceError(f"there is no recording {sample_id}")


def sample_values(hub: Hub, sample: StoredSample) -> dict[str, Any]:
    """A recording as JSON, without its path."""
    return {
        "id": sample.id,
        "seconds": round(sample.seconds, 3),
        "sample_rate": sample.sample_rate,
        "bytes": sample.bytes,
        "origin": sample.origin,
        "transcript": sample.transcript,
        "warnings": sample.warnings,
        "created_at": int(sample.created),
        "prepared": _preparations(hub.manager.prepared(sample.hash)),
    }


def _preparations(done: Sequence[Preparation]) -> list[dict[str, Any]]:
    return [{"model": each.engine, "ready": not each.failure, "reason": each.failure} for each in done]


async def _values(hub: Hub, voice: StoredVoice) -> dict[str, Any]:
    return _row(hub, voice, await hub.manager.store.names())


def _row(hub: Hub, voice: StoredVoice, names: Names) -> dict[str, Any]:
    """A voice as JSON, in OpenAI's words where there are any."""
    return {
        "id": voice.id,
        "object": "audio.voice",
        "name": voice.name,
        "created_at": int(voice.created),
        "updated_at": math.ceil(voice.updated),
        "type": "audio_sample",
        "description": voice.description,
        "language": voice.language,
        "consent": voice.consent,
        "samples": [sample_values(hub, sample) for sample in voice.samples],
        "emotions": list(names.emotions_of(voice)),
    }
