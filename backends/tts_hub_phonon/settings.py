"""The settings and options of Phonon."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from tts_hub.backend import BackendOptions, BackendSettings
from tts_hub.emotions.lowering import Lowering, Scale


class PhononSettings(BackendSettings):
    """`[backends.phonon]` of the config file."""

    checkpoint: Literal[
        "auto", "31m-en", "40m-en", "40m-fr", "40m-multilingual", "pocket", "pocket-cloning"
    ] = Field("auto", description="which model speaks; auto: the first that is here")
    model_path: Path | None = Field(
        None, description="folder with a checkpoint of your own; none: the pulled files"
    )
    hub: str = Field("https://huggingface.co", description="address from which checkpoints are pulled")
    quant: str = Field("q8_0", description="format of the weights in memory: f32, q8_0, q6k, q5_0, q4_0, ...")
    threads: int | None = Field(
        None, ge=1, le=256, description="processor threads of the model; none: the package's choice"
    )
    voices_folder: Path | None = Field(
        None, description="folder with clips (about 10 s) and .safetensors files, each a voice"
    )


class PhononOptions(BackendOptions):
    """The options that only Phonon has."""

    temperature: float = Field(0.3, ge=0, le=2, description="how much the speech varies, 0 for not at all")


LOWERING = Lowering(exaggeration=(Scale("temperature", ((0, 0.1), (0.5, 0.3), (1, 0.8))),))
