"""The index from which a waveform is drawn."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tts_hub.types import Samples


class PeakIndex:
    """The largest magnitude in each bucket of consecutive samples."""

    def __init__(self, bucket: int) -> None:
        """`bucket` is the number of samples in one."""
        self._bucket = bucket
        self._values: NDArray[np.float32] = np.zeros(1024, np.float32)
        self._count = 0
        self._open = 0
        """Samples in the last bucket if it is not full yet, else 0."""

    def append(self, samples: Samples) -> None:
        """Add samples, shape (T,)."""
        magnitudes = np.minimum(np.abs(samples), np.float32(1.0))
        while len(magnitudes):
            if not self._open:
                self._grow()
            if not self._open and len(magnitudes) >= self._bucket:
                full = len(magnitudes) // self._bucket
                self._grow(full)
                parts = magnitudes[: full * self._bucket].reshape(full, self._bucket)
                self._values[self._count : self._count + full] = parts.max(axis=1)
                self._count += full
                magnitudes = magnitudes[full * self._bucket :]
                continue
            taken = magnitudes[: self._bucket - self._open]
            self._values[self._count] = max(self._values[self._count], taken.max())
            self._open += len(taken)
            magnitudes = magnitudes[len(taken) :]
            if self._open == self._bucket:
                self._count, self._open = self._count + 1, 0

    def columns(self, number: int) -> list[float]:
        """The largest magnitude, 0 to 1, in each of `number` equal parts; empty if there are no samples."""
        values = self._values[: self._count + bool(self._open)]
        if not len(values) or number <= 0:
            return []
        if len(values) <= number:
            indices = np.arange(number) * len(values) // number
            return [float(value) for value in values[indices]]
        edges = np.arange(number) * len(values) // number
        return [float(value) for value in np.maximum.reduceat(values, edges)]

    def _grow(self, more: int = 1) -> None:
        needed = self._count + more + 1
        if needed > len(self._values):
            grown = np.zeros(max(needed, 2 * len(self._values)), np.float32)
            grown[: len(self._values)] = self._values
            self._values = grown
