"""Clips of a speaker, as samples for the speaker encoder."""

from __future__ import annotations

from pathlib import Path

from tts_hub.audio.filter import resampled
from tts_hub.clips.decoding import decode_clip, read_clip
from tts_hub.errors import AudioError, InvalidRequestError
from tts_hub.types import Samples
from tts_hub_phonon.files import unusable

MOST_SECONDS = 30
"""Seconds of a clip that are used; a checkpoint takes about ten."""


def read_speaker(file: Path, sample_rate: int) -> Samples:
    """The beginning of a clip as mono float32 at a rate in Hz, shape (T,). Blocking.

    Raises:
        BackendUnavailableError: the file is no audio, or one of the limits of `decode_clip` is exceeded.
    """
    try:
        clip = decode_clip(read_clip(file))
        return resampled(clip.samples[: MOST_SECONDS * clip.sample_rate], clip.sample_rate, sample_rate)
    except (InvalidRequestError, AudioError) as exc:
        raise unusable(f"{file}: {exc}", f"replace {file}") from exc
