"""Speaker similarity: the cosine between two voices as Resemblyzer sees them.

Two takes of one voice are at 0.90 to 0.92, other voices at 0.43 to 0.57.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tts_hub.quality.packages import SIMILARITY
from tts_hub.types import Samples

Embedding = NDArray[np.float32]
"""Shape (256,), of length 1."""


class SpeakerEncoder:
    """Resemblyzer on the processor."""

    def __init__(self) -> None:
        """Load the network.

        Raises:
            BackendUnavailableError: a package is missing.
        """
        SIMILARITY.require()
        import warnings

        with warnings.catch_warnings():  # its imports use names that newer packages deprecate
            warnings.simplefilter("ignore")
            import resemblyzer
        self._prepare: Any = resemblyzer.preprocess_wav
        self._encoder: Any = resemblyzer.VoiceEncoder("cpu", verbose=False)

    def embed(self, samples: Samples, sample_rate: int) -> Embedding | None:
        """The voice of audio of shape (T,); None where there is too little sound."""
        prepared = self._prepare(samples, source_sr=sample_rate)
        return np.asarray(self._encoder.embed_utterance(prepared), np.float32) if len(prepared) else None


def similarity(one: Embedding, other: Embedding) -> float:
    """The cosine of two voices."""
    return float(one @ other / (np.linalg.norm(one) * np.linalg.norm(other)))


def similarities(
    voices: Sequence[Embedding | None], reference: Embedding | None = None
) -> list[float | None]:
    """The similarity of each take to a reference, or to the mean of all other takes of the same voice.

    None for a take without a voice, and for a single take without a reference.
    """
    known = [voice for voice in voices if voice is not None]
    total = np.sum(known, axis=0, initial=0.0)
    found = list[float | None]()
    for voice in voices:
        if voice is None or (reference is None and len(known) < 2):
            found.append(None)
        else:
            found.append(similarity(voice, total - voice if reference is None else reference))
    return found
