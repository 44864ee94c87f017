"""What differs between the two versions of AllTalk's server: each version is one frozen object."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Version:
    """The abilities of a version, whatever engine is loaded."""

    number: int
    """1 or 2."""
    has_openai_route: bool
    has_speed: bool
    """Whether it changes the speed of engines that can."""
    has_engine_options: bool
    """Whether it takes the options of engines and of RVC, and leaves text silent."""
    detects_language: bool
    speaks_without_voices: bool
    """Whether it speaks where its list of voices is empty."""
    stream_suffix: str
    """Ending that the name of a stream's file must have."""


VERSION_1 = Version(
    1,
    has_openai_route=False,
    has_speed=False,
    has_engine_options=False,
    detects_language=False,
    speaks_without_voices=False,
    stream_suffix=".wav",
)
VERSION_2 = Version(
    2,
    has_openai_route=True,
    has_speed=True,
    has_engine_options=True,
    detects_language=True,
    speaks_without_voices=True,
    stream_suffix="",
)
