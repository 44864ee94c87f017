"""Small pure functions on samples: checks, 16-bit bytes, fades, decibels."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tts_hub.errors import AudioError
from tts_hub.types import Samples

S16_FULL_SCALE = 32_768
BYTES_PER_SAMPLE = 2


def silence(length: int) -> Samples:
    """`length` samples of digital zero."""
    return np.zeros(length, dtype=np.float32)


def db_to_gain(decibels: float) -> float:
    """The amplitude factor of a level difference."""
    return float(10.0 ** (decibels / 20))


def checked(samples: ArrayLike) -> Samples:
    """The samples as shape (T,) float32; raises `AudioError` for another shape, NaN or infinity."""
    with np.errstate(over="ignore"):
        array = np.ascontiguousarray(samples, dtype=np.float32)
    if array.ndim != 1:
        raise AudioError(f"audio must be mono of shape (T,), not of shape {array.shape}")
    # One pass finds nearly all; only absurdly loud audio, whose squares overflow, needs the second.
    if not np.isfinite(np.dot(array, array)) and not np.isfinite(array).all():
        raise AudioError("the audio holds samples that are not numbers (NaN or infinity)")
    return array


def to_s16le(samples: ArrayLike) -> bytes:
    """Signed 16-bit little-endian bytes of float samples, rounded, and clipped at [-1, 1].

    Full scale is 32768, as in FFmpeg and most decoders, so that a sample that is read back is the nearest
    step to the one that was written. Raises `AudioError` as `checked` does.
    """
    steps = checked(samples) * np.float32(S16_FULL_SCALE)
    np.clip(steps, -S16_FULL_SCALE, S16_FULL_SCALE - 1, out=steps)
    data: bytes = np.rint(steps, out=steps).astype("<i2").tobytes()
    return data


def fade_in_curve(length: int) -> Samples:
    """Shape (length,): half a period of a raised cosine, rising, without its end points 0 and 1."""
    phase = np.arange(1, length + 1) / (length + 1)
    return (0.5 - 0.5 * np.cos(np.pi * phase)).astype(np.float32)


def fade_out_curve(length: int) -> Samples:
    """Shape (length,): `fade_in_curve` falling."""
    return fade_in_curve(length)[::-1]
