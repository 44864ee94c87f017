"""Perth: a watermark in the levels of a spectrum, and its detector.

B batch, N samples, F frames, K frequency bins, W bins that are marked, D width

The implicit net of `resemble-perth`: the mark lies below 2 kHz and carries no message.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class PerthConfig:
    """The sizes of the published weights, from their `hparams.yaml`."""

    sample_rate: int = 32_000
    n_fft: int = 2048
    hop: int = 320
    highest: float = 2000.0
    """Hz; above it nothing is changed or read."""
    floor: float = 1e-9
    """The smallest magnitude."""
    headroom: float = 15.0
    """The level in dB that has the value 1 on the scale of levels; the floor has 0."""
    width: int = 256
    layers: int = 5
    kernel: int = 7
    silence: float = 0.05
    """A frame with at most this share of the loudest frame's summed levels has no mark."""
    paces: tuple[float, ...] = (1.25, 1.0, 0.75)
    """The speeds at which the detector reads a clip, which may have been stretched."""

    @property
    def bins(self) -> int:
        """W: how many of the K bins are marked."""
        return round((self.n_fft // 2 + 1) * self.highest / (self.sample_rate / 2))

    @property
    def span(self) -> float:
        """dB from the floor to the top of the scale."""
        return self.headroom - 20 * math.log10(self.floor)


class Perth(nn.Module):
    """Samples to marked samples, and to the confidence that they are marked."""

    def __init__(self, config: PerthConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Convolutions(config, config.bins)
        self.detectors = nn.ModuleList(Convolutions(config, 2) for _ in config.paces)
        self.register_buffer("window", torch.hann_window(config.n_fft, device="cpu"), persistent=False)
        self.window: Tensor

    def mark(self, samples: Tensor) -> Tensor:
        """(B, N) at 32 kHz, N at least 1025, -> (B, N)."""
        config = self.config
        spectrum = self._spectrum(samples)  # (B, K, F)
        low = spectrum[:, : config.bins]  # (B, W, F)
        levels = self._levels(spectrum)  # (B, K, F)
        change = self.encoder(levels[:, : config.bins]) * self._sounding(levels)  # (B, W, F)
        magnitudes = low.abs().clamp(min=config.floor) * 10 ** (change * config.span / 20)
        marked = torch.cat((torch.polar(magnitudes, low.angle()), spectrum[:, config.bins :]), dim=1)
        # Up to the last sample; the reference stops at the last frame's centre, but its window is longer.
        return torch.istft(
            marked, config.n_fft, hop_length=config.hop, window=self.window, length=samples.shape[1]
        )

    def detect(self, samples: Tensor) -> Tensor:
        """(B, N) at 32 kHz, N at least 1025, -> (B,): about 0 without and 1 with a mark, NaN for silence."""
        levels = self._levels(self._spectrum(samples))  # (B, K, F)
        sounding = self._sounding(levels)  # (B, 1, F)
        low = levels[:, : self.config.bins]  # (B, W, F)
        found = []
        for pace, detector in zip(self.config.paces, self.detectors, strict=True):
            frames = int(low.shape[2] * pace)
            stretched = F.interpolate(low, size=frames, mode="linear", align_corners=True)  # (B, W, F')
            weights = F.interpolate(sounding, size=frames, mode="nearest")  # (B, 1, F')
            found.append((detector(stretched) * weights).sum(dim=2) / weights.sum(dim=2))  # (B, 2)
        trust, marks = torch.stack(found, dim=2).unbind(dim=1)  # (B, paces) each
        return (trust.softmax(dim=1) * marks).sum(dim=1)

    def _spectrum(self, samples: Tensor) -> Tensor:
        """(B, N) -> (B, K, F), F = 1 + N // 320."""
        return torch.stft(
            samples, self.config.n_fft, hop_length=self.config.hop, window=self.window, return_complex=True
        )

    def _levels(self, spectrum: Tensor) -> Tensor:
        """(B, K, F) complex -> (B, K, F): logarithmic, 0 at the floor."""
        decibels = 20 * spectrum.abs().clamp(min=self.config.floor).log10()
        return (decibels - 20 * math.log10(self.config.floor)) / self.config.span

    def _sounding(self, levels: Tensor) -> Tensor:
        """(B, K, F) -> (B, 1, F): 1 where there is sound, 0 where there is digital silence."""
        total = levels.sum(dim=1, keepdim=True)  # (B, 1, F)
        return (total > self.config.silence * total.amax(dim=2, keepdim=True)).to(levels)


class Convolutions(nn.Module):
    """Convolutions over the frames of the marked bins; the first and the last have a kernel of one frame."""

    def __init__(self, config: PerthConfig, outputs: int) -> None:
        super().__init__()
        kernels = (1, *[config.kernel] * config.layers, 1)
        widths = (config.bins, *[config.width] * (config.layers + 1), outputs)
        self.layers = nn.ModuleList(
            nn.Conv1d(before, after, kernel, padding=kernel // 2)
            for before, after, kernel in zip(widths, widths[1:], kernels, strict=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, W, F) -> (B, outputs, F)."""
        *hidden, last = self.layers
        for layer in hidden:
            x = F.leaky_relu(layer(x))  # (B, D, F)
        return last(x)  # type: ignore[no-any-return]
