"""What can be configured about Chatterbox, and what a request can ask of it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from tts_hub.backend import BackendOptions, BackendSettings

ROWS = 8
"""Segments at once unless configured. More of them gain little, on a GPU because of the nets behind T3."""


class ChatterboxSettings(BackendSettings):
    """`[backends.chatterbox_turbo]` and `[backends.chatterbox_nano]` of the config file."""

    device: Literal["auto", "cpu", "cuda", "mps"] = Field("auto", description="where the nets run")
    dtype: Literal["auto", "float32", "bfloat16", "float16", "int8"] = Field(
        "auto", description="of the nets' weights; auto: int8 where the processor can, bfloat16 on CUDA"
    )
    threads: int | None = Field(None, ge=1, le=256, description="of the processor; none: torch's choice")
    model_path: Path | None = Field(None, description="folder with the model's files; none: pulled ones")
    voices_folder: Path | None = Field(None, description="clips NAME.wav, .mp3, .flac, .ogg, .m4a as voices")
    watermark: bool = Field(True, description="mark the audio, inaudibly, as synthetic")
    max_speech_tokens: int = Field(
        1000, ge=1, le=4000, description="limit of one segment, 25 a second; it ends the segment there"
    )
    voices_in_memory: int = Field(16, ge=1, description="prepared voices that are kept at hand")
    prompt: Literal["auto", "exact", "remembered"] = Field(
        "auto", description="what came before in each pass of the flow: anew, or remembered (on processors)"
    )
    prompt_seconds: float = Field(10.0, ge=1, le=10, description="of the voice's clip that the flow sees")
    flow_steps: int = Field(2, ge=1, le=10, description="from noise to mel; the model card says 1 will do")
    first_chunk_seconds: float | None = Field(
        None, ge=0.04, le=10, description="of the first audio; none: 0.7 on processors, 0.3 on a GPU"
    )
    chunk_growth: float = Field(1.35, ge=1, le=4, description="each chunk is that much longer than the last")
    longest_chunk_seconds: float = Field(4.0, ge=0.2, le=40, description="where chunks stop growing")
    ahead_seconds: float = Field(
        30.0, ge=0, description="of a request that are spoken together, if more than limits.buffer_seconds"
    )
    retakes: int = Field(2, ge=0, le=10, description="of a segment that went wrong before any of it left")
    hold_real_time: bool = Field(
        True, description="let a request wait while one more could not be spoken in real time"
    )
    room_timeout: float = Field(30.0, ge=0, description="seconds that it may wait so")


class TurboOptions(BackendOptions):
    """How the speech tokens are drawn."""

    temperature: float = Field(0.8, ge=0.05, le=5, description="higher is livelier and less certain")
    top_k: int = Field(1000, ge=1, le=6563, description="only the k likeliest tokens")
    top_p: float = Field(0.95, gt=0, le=1, description="only the likeliest tokens that sum up to p")
    repetition_penalty: float = Field(1.2, ge=1, le=2, description="above 1, said tokens become less likely")
