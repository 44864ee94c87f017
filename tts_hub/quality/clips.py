"""A clip of a voice, read from a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tts_hub.audio.frames import LAYOUT, SAMPLE_FORMAT
from tts_hub.errors import AudioError
from tts_hub.types import Samples


def read_clip(path: Path) -> tuple[Samples, int]:
    """The samples of an audio file, shape (T,), and its rate in Hz.

    Raises:
        AudioError: it cannot be read, or has no sound.
    """
    import av  # FFmpeg is slow to import: only where there is a clip

    try:
        with av.open(str(path), "r") as container:
            if not container.streams.audio:
                raise AudioError(f"{path} has no sound")
            rate = container.streams.audio[0].rate
            resampler = av.AudioResampler(format=SAMPLE_FORMAT, layout=LAYOUT, rate=rate)
            frames = [
                mono for frame in [*container.decode(audio=0), None] for mono in resampler.resample(frame)
            ]
    except (av.FFmpegError, OSError) as exc:
        raise AudioError(f"cannot read {path}: {exc}") from exc
    if not frames:
        raise AudioError(f"{path} has no sound")
    return np.concatenate([frame.to_ndarray()[0] for frame in frames]).astype(np.float32), rate
