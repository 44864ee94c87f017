"""The timbre of a voice, by which the contract compares voices: the spread of energy over the frequencies."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tts_hub.types import AudioChunk

FRAME = 1_024
"""Samples of one frame of the spectrum."""
BANDS = 32
"""Bands of frequencies, on a logarithmic scale."""


def timbre_of(chunks: Sequence[AudioChunk]) -> NDArray[np.float64]:
    """Shape (bands,): the square roots of the shares of energy in each band, much the same for one voice."""
    samples = np.concatenate([np.zeros(FRAME, np.float32), *(chunk.samples for chunk in chunks)])
    frames = np.lib.stride_tricks.sliding_window_view(samples, FRAME)[:: FRAME // 2]  # (frames, FRAME)
    power = (np.abs(np.fft.rfft(frames * np.hanning(FRAME))) ** 2).sum(axis=0)  # (FRAME // 2 + 1,)
    edges = np.unique(np.geomspace(2, FRAME // 2, BANDS + 1).astype(int))
    bands: NDArray[np.float64] = np.add.reduceat(power, edges[:-1])
    shares: NDArray[np.float64] = np.sqrt(bands / max(bands.sum(), 1e-12))
    return shares


def distance(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """The Euclidean distance of two timbres."""
    return float(np.linalg.norm(one - other))
