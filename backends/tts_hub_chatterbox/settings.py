"""The settings of Chatterbox, and the options of a request."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from tts_hub.backend import BackendOptions, BackendSettings
from tts_hub.emotions.lowering import Lowering, Scale
from tts_hub_chatterbox.nets.units import CODEBOOK_SIZE

ROWS = 8
"""Rows of T3's batch unless configured. More of them gain little, on a GPU because of the nets behind T3."""


class ChatterboxSettings(BackendSettings):
    """`[backends.chatterbox_turbo]` and `[backends.chatterbox_nano]` of the config file."""

    device: Literal["auto", "cpu", "cuda", "mps"] = Field("auto", description="where the nets run")
    dtype: Literal["auto", "float32", "bfloat16", "float16", "int8"] = Field(
        "auto", description="number type of the weights; auto: int8 on processors with VNNI, bfloat16 on CUDA"
    )
    threads: int | None = Field(None, ge=1, le=256, description="processor threads; none: torch's choice")
    model_path: Path | None = Field(None, description="folder with the model's files; none: the pulled files")
    voices_folder: Path | None = Field(None, description="folder of clips to clone; NAME.wav is voice NAME")
    watermark: bool = Field(True, description="inaudible watermark in the audio")
    max_speech_tokens: int = Field(
        1000, ge=1, le=4000, description="longest segment in speech tokens, 25 a second"
    )
    voices_in_memory: int = Field(16, ge=1, description="prepared voices kept in memory")
    prompt: Literal["auto", "exact", "remembered"] = Field(
        "auto", description="earlier audio in each pass: computed anew (exact) or once (remembered)"
    )
    prompt_seconds: float = Field(10.0, ge=1, le=10, description="seconds of the voice's clip that are used")
    flow_steps: int = Field(
        2, ge=1, le=10, description="passes from noise to sound; the model card says 1 will do"
    )
    first_chunk_seconds: float | None = Field(
        None, ge=0.04, le=10, description="seconds of the first chunk; none: 0.7 on processors, 0.3 on a GPU"
    )
    chunk_growth: float = Field(1.35, ge=1, le=4, description="factor by which each chunk is longer")
    longest_chunk_seconds: float = Field(4.0, ge=0.2, le=40, description="seconds of the longest chunk")
    ahead_seconds: float = Field(
        30.0, ge=0, description="seconds of a request made ahead, if more than limits.buffer_seconds"
    )
    retakes: int = Field(2, ge=0, le=10, description="further tries at a segment that went wrong")
    hold_real_time: bool = Field(
        True, description="let a request wait while one more would be slower than real time"
    )
    room_timeout: float = Field(30.0, ge=0, description="longest wait for hold_real_time, in seconds")


Style = Literal[
    "angry", "fear", "surprised", "whispering", "advertisement", "dramatic", "narration", "crying", "happy",
    "sarcastic",
]  # fmt: skip
"""The tags of Turbo's vocabulary that are ways of speaking; the others are sounds."""


class TurboOptions(BackendOptions):
    """The options of a request: how it speaks, and how its speech tokens are drawn."""

    style: Style | None = Field(None, description="way of speaking; the model gets it as a tag like [happy]")

    temperature: float = Field(0.8, ge=0.05, le=5, description="higher is livelier and less certain")
    top_k: int = Field(1000, ge=1, le=CODEBOOK_SIZE + 2, description="only the k likeliest tokens")
    top_p: float = Field(0.95, gt=0, le=1, description="only the likeliest tokens that sum up to p")
    repetition_penalty: float = Field(1.2, ge=1, le=2, description="above 1, drawn tokens become less likely")


TURBO_LOWERING = Lowering(
    styles={
        "happy": {"style": "happy"},
        "excited": {"style": "happy", "temperature": 0.95},
        "calm": {"style": "narration", "temperature": 0.7},
        "crying": {"style": "crying"},
        "angry": {"style": "angry"},
        "fearful": {"style": "fear"},
        "surprised": {"style": "surprised"},
        "whispering": {"style": "whispering"},
        "sarcastic": {"style": "sarcastic"},
        "dramatic": {"style": "dramatic"},
        "narration": {"style": "narration"},
        "advertisement": {"style": "advertisement"},
    },
    exaggeration=(Scale("temperature", ((0, 0.6), (0.5, 0.8), (1, 1.0))),),
)
"""Turbo and Nano have no exaggeration of their own: a higher temperature is livelier."""
