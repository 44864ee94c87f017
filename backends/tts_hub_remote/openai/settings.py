"""The settings of a server with OpenAI's speech API, and the options of one request to it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from tts_hub.audio.limits import DEFAULT_RATE
from tts_hub.backend import BackendOptions
from tts_hub.types import SampleRate
from tts_hub_remote.settings import RemoteSettings

DialectName = Literal["openai", "hub", "kokoro", "plain"]
"""Kinds of server: OpenAI itself, another tts-hub, Kokoro-FastAPI, or any other server."""
Format = Literal["pcm", "wav", "flac", "opus", "mp3", "aac"]


class OpenAISettings(RemoteSettings):
    """The settings of a server with OpenAI's speech API."""

    dialect: DialectName | Literal["auto"] = Field(
        "auto", description="kind of server; auto: the hub finds out"
    )
    formats: tuple[Format, ...] = Field(
        ("pcm", "wav", "mp3"),
        min_length=1,
        description="formats to request in this order, until one is accepted",
    )
    pcm_sample_rate: SampleRate = Field(DEFAULT_RATE, description="sample rate of its pcm audio, in Hz")
    stream_format: Literal["auto", "audio", "sse"] = Field(
        "auto", description="how audio is sent; auto: sse if it contains the cost"
    )
    native_speed: bool | None = Field(None, description="whether it can change its speed; none: by its kind")
    fields: dict[str, Any] = Field(default_factory=dict, description="further fields of every request")


class OpenAIOptions(BackendOptions):
    """The options of one request."""

    fields: dict[str, Any] = Field(
        default_factory=dict, description="further fields, for what only this server knows"
    )
