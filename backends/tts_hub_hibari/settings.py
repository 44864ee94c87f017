"""The settings of hibari."""

from __future__ import annotations

from pydantic import Field

from tts_hub.backend import BackendOptions, BackendSettings

RELEASE = "https://huggingface.co/maureesewilliams/hibari/resolve/main/voices"


class HibariSettings(BackendSettings):
    """`[backends.hibari]` of the config file."""

    release: str = Field(RELEASE, description="address of the folder with the published voices")
    threads: int = Field(1, ge=1, le=256, description="processor threads for one piece")
    first_characters: int = Field(
        60, ge=15, le=500, description="longest first piece of a request, in characters"
    )


class HibariOptions(BackendOptions):
    """hibari has no options of its own: voice, speed, seed and inline phonemes are in the request itself."""
