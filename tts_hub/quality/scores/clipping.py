"""Clipping: samples at full scale, and flat tops of a wave that was cut before it was turned down."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tts_hub.types import Samples

FULL_SCALE = 0.999
"""The amplitude from which a sample counts as full scale."""
FULL_SCALE_RUN = 2
"""Samples in a row at full scale that are clipping; a single one may be a peak."""
FLAT_RUN = 4
"""Samples in a row at the very peak of the audio that are a flat top."""
FLATNESS = 1e-5
"""The part of the peak by which the samples of a flat top may differ."""
AUDIBLE_PEAK = 0.05
"""The peak below which flat tops are not looked for: very soft audio has few steps."""


def clipped_samples(samples: Samples) -> int:
    """The number of samples that are clipped, of shape (T,) audio at any rate."""
    clipped = in_runs(np.abs(samples) >= FULL_SCALE, FULL_SCALE_RUN)
    for side in (samples, -samples):
        peak = float(side.max(initial=0.0))
        if peak >= AUDIBLE_PEAK:
            clipped |= in_runs(side >= peak * (1 - FLATNESS), FLAT_RUN)
    return int(clipped.sum())


def in_runs(marked: NDArray[np.bool_], least: int) -> NDArray[np.bool_]:
    """The marks that stand in a run of at least `least`; shape (T,)."""
    padded = np.concatenate([[False], marked, [False]])
    edges = np.flatnonzero(padded[1:] != padded[:-1])
    kept = np.zeros(len(marked), dtype=np.bool_)
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        kept[start:end] = end - start >= least
    return kept
