"""The settings of ElevenLabs, and the options of one request to it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tts_hub.backend import BackendOptions
from tts_hub.emotions.lowering import Lowering, Scale
from tts_hub_remote.settings import RemoteSettings

OutputFormat = Literal[
    "mp3_22050_32",
    "mp3_24000_48",
    "mp3_44100_32",
    "mp3_44100_64",
    "mp3_44100_96",
    "mp3_44100_128",
    "mp3_44100_192",
    "opus_48000_32",
    "opus_48000_64",
    "opus_48000_96",
    "opus_48000_128",
    "opus_48000_192",
    "pcm_8000",
    "pcm_16000",
    "pcm_22050",
    "pcm_24000",
    "pcm_32000",
    "pcm_44100",
    "pcm_48000",
]
"""Formats of the service's stream that are better than telephone quality."""
USUAL_FORMAT: OutputFormat = "pcm_24000"
"""A format of all plans."""


class ElevenLabsSettings(RemoteSettings):
    """The settings of ElevenLabs."""

    output_format: OutputFormat = Field(
        USUAL_FORMAT, description="format in which audio is sent; some need a higher plan"
    )
    enable_logging: bool = Field(True, description="false: the service keeps nothing (enterprise plans)")
    socket: bool = Field(
        True, description="send a text that is still being written over one WebSocket, if the model can"
    )


class ElevenLabsOptions(BackendOptions):
    """The options of one request; unset ones are left to the voice."""

    stability: float | None = Field(None, ge=0, le=1, description="low: livelier, high: more even")
    similarity_boost: float | None = Field(None, ge=0, le=1, description="how close to the original voice")
    style: float | None = Field(None, ge=0, le=1, description="how much its style is exaggerated")
    use_speaker_boost: bool | None = Field(None, description="closer to the speaker, a little slower")
    apply_text_normalization: Literal["auto", "on", "off"] = Field(
        "auto", description="whether figures and the like are spelled out first"
    )
    apply_language_text_normalization: bool = Field(
        False, description="the same by the rules of the language: Japanese only, slow"
    )


LOWERING = Lowering(exaggeration=(Scale("stability", ((0, 0.9), (0.5, 0.5), (1, 0.15))),))
"""`style` is not used, as some models refuse it."""
