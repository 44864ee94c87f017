"""Naturalness, as networks predict it that were trained on the ratings of people, from 1 (bad) to 5."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tts_hub.audio.filter import resampled
from tts_hub.quality.packages import DISTILLMOS, DNSMOS
from tts_hub.quality.recogniser import RATE
from tts_hub.types import Samples


@dataclass(frozen=True, slots=True)
class DnsMosScores:
    """The scores of DNSMOS: ITU-T P.835 as P.835 asks people for them, and P.808."""

    overall: float
    signal: float
    background: float
    p808: float


class DnsMos:
    """DNSMOS by `speechmos`. It repeats audio of less than 9 seconds until it is long enough."""

    def __init__(self) -> None:
        """Load the networks.

        Raises:
            BackendUnavailableError: a package is missing.
        """
        DNSMOS.require()
        from speechmos import dnsmos

        self._run: Any = dnsmos.run

    def score(self, samples: Samples, sample_rate: int) -> DnsMosScores:
        """The scores of audio of shape (T,)."""
        found = self._run(resampled(samples, sample_rate, RATE).clip(-1, 1), RATE)
        return DnsMosScores(*(float(found[f"{name}_mos"]) for name in ("ovrl", "sig", "bak", "p808")))


class DistillMos:
    """DistillMOS, a second opinion from another network with other training data."""

    def __init__(self) -> None:
        """Load the network.

        Raises:
            BackendUnavailableError: a package is missing.
        """
        DISTILLMOS.require()
        from distillmos import ConvTransformerSQAModel

        self._model: Any = ConvTransformerSQAModel()
        self._model.eval()
        self._model.requires_grad_(False)

    def score(self, samples: Samples, sample_rate: int) -> float:
        """The score of audio of shape (T,)."""
        # A tensor like the weights, so that this package need not import torch itself.
        weights = next(iter(self._model.parameters()))
        audio = weights.new_tensor(np.asarray(resampled(samples, sample_rate, RATE))[None])
        return float(self._model(audio).item())
