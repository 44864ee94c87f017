"""F0 predictor: the pitch of the voice in every frame of a mel.

B batch, F mel frames, M mel bins, D width

The "ConvRNNF0Predictor" of CosyVoice 2, which in spite of its name has no recurrence.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class F0Config:
    """Sizes; the defaults are the published ones."""

    mel_bins: int = 80
    width: int = 512
    layers: int = 5
    kernel: int = 3


class F0Predictor(nn.Module):
    """Convolutions over the mel, one number a frame. A frame's pitch depends on 5 frames on each side."""

    def __init__(self, config: F0Config) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for index in range(config.layers):
            inputs = config.width if index else config.mel_bins
            layers.append(nn.Conv1d(inputs, config.width, config.kernel, padding=config.kernel // 2))
            layers.append(nn.ELU(inplace=True))
        self.layers = nn.Sequential(*layers)
        self.output = nn.Linear(config.width, 1)

    def forward(self, mel: Tensor) -> Tensor:
        """(B, M, F) -> (B, F) float32 in Hz, never negative; near zero where there is no voice."""
        hidden = self.layers(mel.to(self.output.weight))  # (B, D, F)
        f0: Tensor = self.output(hidden.transpose(1, 2))[..., 0]  # (B, F, D) -> (B, F)
        return f0.abs().float()
