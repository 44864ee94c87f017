"""What can be configured about Chatterbox, and what a request can ask of it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from tts_hub.backend import BackendOptions, BackendSettings


class ChatterboxSettings(BackendSettings):
    """`[backends.chatterbox_turbo]` and `[backends.chatterbox_nano]` of the config file."""

    device: Literal["auto", "cpu", "cuda", "mps"] = Field("auto", description="where the nets run")
    dtype: Literal["float32", "bfloat16", "float16"] = Field("float32", description="of the nets' weights")
    model_path: Path | None = Field(None, description="folder with the model's files; none: pulled ones")
    voices_folder: Path | None = Field(None, description="clips NAME.wav, .mp3, .flac, .ogg, .m4a as voices")
    watermark: bool = Field(True, description="mark the audio, inaudibly, as synthetic")
    max_speech_tokens: int = Field(
        1000, ge=1, le=4000, description="limit of one segment, 25 a second; it ends the segment there"
    )
    voices_in_memory: int = Field(16, ge=1, description="prepared voices that are kept at hand")


class TurboOptions(BackendOptions):
    """How the speech tokens are drawn."""

    temperature: float = Field(0.8, ge=0.05, le=5, description="higher is livelier and less certain")
    top_k: int = Field(1000, ge=1, le=6563, description="only the k likeliest tokens")
    top_p: float = Field(0.95, gt=0, le=1, description="only the likeliest tokens that sum up to p")
    repetition_penalty: float = Field(1.2, ge=1, le=2, description="above 1, said tokens become less likely")
