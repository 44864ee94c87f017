"""Voice encoder: from a clip to the vector that gives T3 its speaker.

N samples, F mel frames, M mel bands, W windows, D width

An LSTM over windows of 1.6 s, from "Generalized End-to-End Loss for Speaker Verification" (Wan et al.,
2018).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn

from tts_hub_chatterbox.nets.mels import TRIM_HOP, trim_silence, voice_mel


@dataclass(frozen=True, slots=True)
class VoiceEncoderConfig:
    """Sizes of the published net."""

    bands: int = 40
    """Bands of the mel."""
    width: int = 256
    layers: int = 3
    embedding: int = 256
    window: int = 160
    """Mel frames of a window of the LSTM."""
    step: int = 77
    """Mel frames from one window to the next: about 1.3 windows a second."""
    least_filled: float = 0.8
    """The share of the last window that must be filled for it to count."""


class VoiceEncoder(nn.Module):
    """From a clip to a vector of length one."""

    def __init__(self, config: VoiceEncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.lstm = nn.LSTM(config.bands, config.width, num_layers=config.layers, batch_first=True)
        self.project = nn.Linear(config.width, config.embedding)

    def embed(self, samples: Tensor) -> Tensor:
        """One clip (N,) at 16 kHz, its silent ends ignored, to (1, D): the mean of its windows' vectors."""
        trimmed = trim_silence(samples)
        # A click at the very end of a silent clip would leave almost nothing.
        windows = self.windows(voice_mel(trimmed if len(trimmed) >= TRIM_HOP else samples))
        return F.normalize(self(windows).mean(dim=0, keepdim=True), dim=1)

    def windows(self, mel: Tensor) -> Tensor:
        """(F, M) to (W, 160, M), at least one window; the last one is padded with zeros or left out."""
        window, step = self.config.window, self.config.step
        whole = max(len(mel) - window + step, 0) // step
        filled = (len(mel) - whole * step) / window
        count = whole + 1 if whole == 0 or filled >= self.config.least_filled else whole
        missing = window + step * (count - 1) - len(mel)
        padded = F.pad(mel, (0, 0, 0, max(missing, 0)))
        return padded.unfold(0, window, step)[:count].transpose(1, 2)  # (W, M, 160) to (W, 160, M)

    def forward(self, windows: Tensor) -> Tensor:
        """(W, 160, M) to (W, D), each of length one and without a negative value."""
        _, (hidden, _) = self.lstm(windows.to(self.project.weight))
        last = self.project(hidden[-1])  # (W, D): the last layer's state after the last frame
        return F.normalize(F.relu(last).float(), dim=1)
