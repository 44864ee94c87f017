"""The settings and options of Piper."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from tts_hub.backend import BackendOptions, BackendSettings
from tts_hub.emotions.lowering import Lowering, Scale
from tts_hub_piper.official import RELEASE


class PiperSettings(BackendSettings):
    """`[backends.piper]` of the config file."""

    voices_folder: Path | None = Field(
        None, description="folder with further voices, each NAME.onnx and NAME.onnx.json"
    )
    release: str = Field(RELEASE, description="address of the folder with the official voices")
    voices_in_memory: int = Field(4, ge=1, le=256, description="voices that stay loaded")
    threads: int | None = Field(
        None, ge=1, le=256, description="processor threads for one piece; none: onnxruntime's choice"
    )
    first_characters: int = Field(
        60, ge=15, le=500, description="longest first piece of a request, in characters"
    )


class PiperOptions(BackendOptions):
    """The options that only Piper has."""

    noise: float | None = Field(
        None, ge=0, le=2, description="variation of the sound; none: the voice's own, often 0.667"
    )
    rhythm_noise: float | None = Field(
        None, ge=0, le=2, description="variation of the lengths of sounds; none: the voice's own, often 0.8"
    )


LOWERING = Lowering(
    exaggeration=(
        Scale("noise", ((0, 0.3), (0.5, 0.667), (1, 1.0))),
        Scale("rhythm_noise", ((0, 0.3), (0.5, 0.8), (1, 1.1))),
    )
)
"""0.667 and 0.8 are what most voices are trained for."""
