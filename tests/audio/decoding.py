"""Encoded audio decoded with FFmpeg, and compared with the original."""

from __future__ import annotations

import io
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from tts_hub.audio.pcm import silence
from tts_hub.types import Samples


def decode(data: bytes | Path) -> tuple[Samples, int]:
    """Samples of shape (T,) float32, and the sample rate in Hz."""
    source = str(data) if isinstance(data, Path) else io.BytesIO(data)
    with av.open(source, "r") as container:
        rate = container.streams.audio[0].rate
        resampler = av.AudioResampler(format="fltp", layout="mono", rate=rate)
        pieces: list[Samples] = [
            plain.to_ndarray()[0].astype(np.float32)
            for frame in container.decode(audio=0)
            for plain in resampler.resample(frame)
        ]
    samples: Samples = np.concatenate([silence(0), *pieces])
    return samples, rate


def decode_s16le(data: bytes) -> Samples:
    return np.frombuffer(data, "<i2").astype(np.float32) / np.float32(32_768)


def best_lag(original: Samples, decoded: Samples) -> tuple[int, float]:
    """How many samples later the original is found in the decoded audio, and its correlation there."""
    size = len(original) + len(decoded)
    spectrum = np.fft.rfft(decoded, size) * np.conj(np.fft.rfft(original, size))
    lag = int(np.argmax(np.fft.irfft(spectrum, size)[: len(decoded)]))
    shared = min(len(original), len(decoded) - lag)
    return lag, correlation(original[:shared], decoded[lag : lag + shared])


def correlation(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    return float(np.dot(one, other) / (np.linalg.norm(one) * np.linalg.norm(other)))
