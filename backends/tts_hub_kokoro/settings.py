"""The settings of Kokoro."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from tts_hub.backend import BackendOptions, BackendSettings
from tts_hub_kokoro.variants import RELEASE


class KokoroSettings(BackendSettings):
    """`[backends.kokoro]` of the config file."""

    variant: Literal["auto", "fp32", "fp16", "int8"] = Field(
        "auto", description="form of the weights; auto: the most exact one that is installed"
    )
    model_path: Path | None = Field(
        None, description="folder with a model and its voices file; none: the pulled files"
    )
    release: str = Field(RELEASE, description="address of the folder with the published files")
    provider: Literal["auto", "cpu", "cuda", "coreml"] = Field(
        "auto", description="onnxruntime's execution provider; auto: CUDA where it is installed, else CPU"
    )
    threads: int | None = Field(
        None, ge=1, le=256, description="processor threads for one piece; none: onnxruntime's choice"
    )
    english: Literal["auto", "misaki", "espeak"] = Field(
        "auto",
        description="reader of English: misaki (dictionaries, of the package hibari-tts) or espeak (rules); "
        "auto: misaki where the package is installed",
    )
    first_characters: int = Field(
        60, ge=15, le=500, description="longest first piece of a request, in characters"
    )


class KokoroOptions(BackendOptions):
    """Kokoro has no options of its own: voice, mix, speed and inline phonemes are in the request itself."""
