"""Readable names for parametrized tests."""

from __future__ import annotations

from tts_hub.audio.formats import AudioFormat


def by_name(value: object) -> str | None:
    """The name of a format; pytest's own id for anything else."""
    return value.name if isinstance(value, AudioFormat) else None
