"""Clips of a speaker, as samples for the speaker encoder."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tts_hub.types import Samples
from tts_hub_phonon.files import unusable

MOST_SECONDS = 30
"""Seconds of a clip that are read; a checkpoint uses about ten."""


def read_clip(file: Path, sample_rate: int) -> Samples:
    """The beginning of a clip as mono float32 at a rate in Hz, shape (T,). Blocking.

    Raises:
        BackendUnavailableError: the file is no audio.
    """
    import av  # slow to import

    parts: list[Samples] = []
    try:
        with av.open(str(file)) as opened:
            resampler = av.AudioResampler(format="flt", layout="mono", rate=sample_rate)
            for frame in opened.decode(audio=0):
                made = [np.asarray(part.to_ndarray(), np.float32) for part in resampler.resample(frame)]
                parts += [part.reshape(-1) for part in made]
                if sum(map(len, parts)) > MOST_SECONDS * sample_rate:
                    break
    except (av.FFmpegError, OSError, IndexError, ValueError) as exc:
        raise unusable(f"{file} cannot be read as a clip: {exc}", f"replace {file}") from exc
    if not parts:
        raise unusable(f"{file} holds no audio", f"replace {file}")
    return np.concatenate(parts)[: MOST_SECONDS * sample_rate]
