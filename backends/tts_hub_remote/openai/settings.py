"""What can be set for a server with OpenAI's speech API, and for one request to it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from tts_hub.backend import BackendOptions
from tts_hub.types import SPEECH_RATES
from tts_hub_remote.settings import RemoteSettings

Dialect = Literal["openai", "hub", "kokoro", "plain"]
"""OpenAI itself, another tts-hub, Kokoro-FastAPI, or any other server."""
Format = Literal["pcm", "wav", "flac", "opus", "mp3", "aac"]


class OpenAISettings(RemoteSettings):
    """A server: which one it is, and which audio it is asked for."""

    dialect: Dialect | Literal["auto"] = Field("auto", description="which server it is; auto: by asking it")
    formats: tuple[Format, ...] = Field(
        ("pcm", "wav", "mp3"), min_length=1, description="asked for in this order, until one is not refused"
    )
    pcm_sample_rate: int = Field(
        24_000, ge=SPEECH_RATES[0], le=SPEECH_RATES[-1], description="Hz of raw samples"
    )
    stream_format: Literal["auto", "audio", "sse"] = Field(
        "auto", description="how audio is sent; auto: sse where that reports the cost"
    )
    native_speed: bool | None = Field(None, description="whether it speaks faster; none: by its kind")
    fields: dict[str, Any] = Field(default_factory=dict, description="sent with every request besides")


class OpenAIOptions(BackendOptions):
    """Of one request."""

    fields: dict[str, Any] = Field(
        default_factory=dict, description="sent besides, for what only this server knows"
    )
