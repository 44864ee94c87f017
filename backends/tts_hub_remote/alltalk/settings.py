"""The settings of an AllTalk server, and the options of one request to it."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from tts_hub.backend import BackendOptions
from tts_hub_remote.settings import RemoteSettings

Route = Literal["auto", "file", "openai"]
NEEDS = {
    "text_not_inside": "narrator_voice",
    "rvc_pitch": "rvc_voice",
    "rvc_narrator_voice": "narrator_voice",
    "rvc_narrator_pitch": "rvc_narrator_voice",
}
"""Option -> the other option that it needs to have an effect."""


class AllTalkSettings(RemoteSettings):
    """The settings of an AllTalk server."""

    route: Route = Field(
        "auto",
        description="auto: a stream where its engine can, else a file; file: always a file, which takes "
        "speed and all options; openai: its OpenAI route (version 2, needs ffmpeg there; no options)",
    )
    language: str = Field(
        "en", description="language of requests that name none; auto (version 2): detected, sent as a file"
    )
    first_byte_timeout: float = Field(
        120.0, gt=0, description="seconds until the first audio; a file is finished before it is sent"
    )
    read_timeout: float = Field(
        30.0,
        gt=0,
        description="seconds without a byte; a stream's header comes before its first audio is made",
    )


class AllTalkOptions(BackendOptions):
    """The options of one request. Any of them makes the server send a file instead of a stream."""

    temperature: float | None = Field(None, ge=0.1, le=1.0, description="how varied it speaks (version 2)")
    repetition_penalty: float | None = Field(None, ge=1, le=20, description="version 2")
    pitch: float | None = Field(
        None, ge=-10, le=10, description="pitch, for engines that can change it (version 2)"
    )
    text_filtering: Literal["none", "standard", "html"] | None = Field(
        None, description="what the server takes out of the text; none given: its standard"
    )
    narrator_voice: str | None = Field(None, description='speaks *what is between stars*, "quotes" not')
    text_not_inside: Literal["character", "narrator", "silent"] | None = Field(
        None, description="who speaks the text outside both; silent: nobody (version 2)"
    )
    rvc_voice: str | None = Field(None, description="RVC model put over the voice (version 2)")
    rvc_pitch: int | None = Field(None, ge=-24, le=24, description="semitones")
    rvc_narrator_voice: str | None = Field(None, description="RVC model put over the narrator (version 2)")
    rvc_narrator_pitch: int | None = Field(None, ge=-24, le=24, description="semitones")

    @model_validator(mode="after")
    def _have_what_they_need(self) -> Self:
        for name, other in NEEDS.items():
            if getattr(self, name) is not None and getattr(self, other) is None:
                raise ValueError(f"{name} has no effect without {other}")
        return self
