"""Emotion profiles: made, changed, tried, removed and restored."""

from __future__ import annotations

import math
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, UploadFile
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response

from tts_hub.emotions.profile import EmotionSettings
from tts_hub.server.finished import HeldSpeech, opened_audio
from tts_hub.server.hub import Hub, TheHub
from tts_hub.server.metrics import ClientGone
from tts_hub.server.rights import MayEdit, content_of, not_found
from tts_hub.server.schema import AUDIO_ANSWERS, FILE_ANSWERS, JSON_ANSWERS
from tts_hub.server.streaming import CLIENT_CLOSED, opened
from tts_hub.server.voices import sample_file, sample_values
from tts_hub.server.wire import WrittenFormat
from tts_hub.store.records import StoredProfile
from tts_hub.types import SpeechRequest

router = APIRouter(tags=["emotions"])
TEST_TEXT = "This is how I sound. Shall we read something together?"


class EmotionBody(EmotionSettings):
    """The body of a profile: its names and its settings."""

    name: str = Field(description="What requests name: `calm`, or `sarah:calm` for the one of that voice.")
    character: str = Field("", description="The voice that it belongs to; empty: it suits any voice.")
    description: str = ""

    def settings(self) -> EmotionSettings:
        """The settings alone."""
        names = {name: getattr(self, name) for name in EmotionSettings.model_fields}
        return EmotionSettings(**names)


class TestBody(BaseModel):
    """The body of a request to hear a profile."""

    text: str = Field(TEST_TEXT, description="What to say.", min_length=1)
    voice: str | None = Field(None, description="The voice. Default: the profile's character.")
    model: str | None = None
    response_format: WrittenFormat | None = None


@router.get("/emotions", responses=JSON_ANSWERS)
async def list_emotions(hub: TheHub, character: str | None = None, removed: bool = False) -> JSONResponse:
    """All profiles, those of one voice and of any with `character`, or those that can be restored."""
    store = hub.manager.store
    profiles = await store.profiles(removed=True) if removed else (await store.names()).profiles
    wanted = [
        profile
        for profile in profiles
        if character is None or profile.character.casefold() in {"", character.casefold()}
    ]
    rows = [_values(hub, profile) for profile in wanted]
    schema = EmotionSettings.model_json_schema()
    # FastAPI would look at each value again.
    return JSONResponse({"object": "list", "data": rows, "settings": schema})


@router.post("/emotions", responses=JSON_ANSWERS)
async def add_emotion(body: EmotionBody, _: MayEdit, hub: TheHub) -> dict[str, Any]:
    """Make a profile."""
    profile = await hub.manager.store.add_profile(
        name=body.name, character=body.character, description=body.description, settings=body.settings()
    )
    return _values(hub, profile)


@router.get("/emotions/{emotion_id}", responses=JSON_ANSWERS)
async def get_emotion(emotion_id: str, hub: TheHub) -> dict[str, Any]:
    """One profile by its id, by `character:name`, or by its name."""
    with not_found():
        return _values(hub, await hub.manager.store.profile(emotion_id))


@router.put("/emotions/{emotion_id}", responses=JSON_ANSWERS)
async def change_emotion(emotion_id: str, body: EmotionBody, _: MayEdit, hub: TheHub) -> dict[str, Any]:
    """Replace the names and settings of a profile; its recordings stay."""
    with not_found():
        profile = await hub.manager.store.change_profile(
            emotion_id,
            name=body.name,
            character=body.character,
            description=body.description,
            settings=body.settings(),
        )
    return _values(hub, profile)


@router.delete("/emotions/{emotion_id}", responses=JSON_ANSWERS)
async def remove_emotion(emotion_id: str, _: MayEdit, hub: TheHub) -> dict[str, Any]:
    """Remove a profile. It can be restored for a while."""
    with not_found():
        profile = await hub.manager.store.remove_profile(emotion_id)
    seconds = hub.manager.config.store.undo_seconds
    return {"id": profile.id, "object": "emotion.deleted", "deleted": True, "restorable_seconds": seconds}


@router.post("/emotions/{emotion_id}/restore", responses=JSON_ANSWERS)
async def restore_emotion(emotion_id: str, _: MayEdit, hub: TheHub) -> dict[str, Any]:
    """Bring back a profile that was removed, by its id."""
    with not_found():
        return _values(hub, await hub.manager.store.restore_profile(emotion_id))


@router.post("/emotions/{emotion_id}/voices", responses=JSON_ANSWERS)
async def add_emotion_sample(
    emotion_id: str,
    _: MayEdit,
    hub: TheHub,
    audio_sample: UploadFile,
    transcript: Annotated[str, Form()] = "",
) -> dict[str, Any]:
    """Add a recording of the voice in this emotion, which engines that clone then take for it."""
    clip, origin = await content_of(audio_sample)
    with not_found():
        store = hub.manager.store
        profile = await store.add_profile_sample(emotion_id, clip, origin=origin, transcript=transcript)
    return _values(hub, profile)


@router.get("/emotions/{emotion_id}/voices/{sample_id}", responses=FILE_ANSWERS, response_class=Response)
async def get_emotion_sample(emotion_id: str, sample_id: int, hub: TheHub) -> Response:
    """The sound of a recording, as FLAC."""
    with not_found():
        return sample_file((await hub.manager.store.profile(emotion_id)).samples, sample_id)


@router.delete("/emotions/{emotion_id}/voices/{sample_id}", responses=JSON_ANSWERS)
async def remove_emotion_sample(emotion_id: str, sample_id: int, _: MayEdit, hub: TheHub) -> dict[str, Any]:
    """Remove a recording at once and for good."""
    with not_found():
        return _values(hub, await hub.manager.store.remove_profile_sample(emotion_id, sample_id))


@router.post("/emotions/{emotion_id}/test", responses=AUDIO_ANSWERS, response_class=Response)
async def try_emotion(emotion_id: str, body: TestBody, request: Request, hub: TheHub) -> Response:
    """Speak a sentence with a profile; the answer is audio."""
    with not_found():
        profile = await hub.manager.store.profile(emotion_id)
    wanted = SpeechRequest(
        body.text,
        voice=body.voice or profile.character or None,
        emotion=profile.id,
        model=body.model or None,
        response_format=body.response_format,
        request_id=request.state.request_id,
    )
    try:
        audio, audio_format = await opened(request, hub, lambda: opened_audio(wanted, hub))
    except ClientGone:
        return Response(status_code=CLIENT_CLOSED)
    return HeldSpeech(audio, audio_format, hub, hold_seconds=0.0)


def _values(hub: Hub, profile: StoredProfile) -> dict[str, Any]:
    """A profile as JSON: its settings stand beside its names."""
    return {
        "id": profile.id,
        "object": "emotion",
        "name": profile.name,
        "character": profile.character,
        "full_name": profile.full_name,
        "description": profile.description,
        **profile.settings.model_dump(),
        "created_at": int(profile.created),
        "updated_at": math.ceil(profile.updated),
        "samples": [sample_values(hub, sample) for sample in profile.samples],
    }
