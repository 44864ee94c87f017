"""Reference clips as files."""

from __future__ import annotations

import io
import wave

import numpy as np

from tests.chatterbox.speechlike import speechlike


def speechlike_wav(seconds: float, sample_rate: int, seed: int = 0) -> bytes:
    """The test signal as a WAV file, 16 bits, mono."""
    file = io.BytesIO()
    with wave.open(file, "wb") as opened:
        opened.setnchannels(1)
        opened.setsampwidth(2)
        opened.setframerate(sample_rate)
        opened.writeframes((speechlike(seconds, sample_rate, seed) * 32767).astype(np.int16).tobytes())
    return file.getvalue()
