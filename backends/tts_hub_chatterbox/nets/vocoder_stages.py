"""The stages of the vocoder and their sizes: each upsamples, and adds the source's spectrum.

C channels, L steps of a stage, K frequency bins, N samples, B batch
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn

from tts_hub_chatterbox.nets.f0 import F0Config
from tts_hub_chatterbox.nets.harmonics import HarmonicConfig

CONTEXT = 14
"""Mel frames on each side of a piece that `Vocoder.decode` needs to compute it as in the whole."""
SNAKE_FLOOR = 1e-9
"""Keeps the reciprocal of a snake's frequency finite."""
STAGE_SLOPE = 0.1
"""Slope of the leaky ReLU before each stage."""
OUTPUT_SLOPE = 0.01
"""Slope of the leaky ReLU before the last convolution."""


@dataclass(frozen=True, slots=True)
class VocoderConfig:
    """Sizes; the defaults are the published ones."""

    mel_bins: int = 80
    width: int = 512
    """Channels before the first stage; each stage halves them."""
    edge_kernel: int = 7
    """Kernel of the first and the last convolution."""
    upsampling: tuple[int, ...] = (8, 5, 3)
    upsampling_kernels: tuple[int, ...] = (16, 11, 7)
    block_kernels: tuple[int, ...] = (3, 7, 11)
    source_kernels: tuple[int, ...] = (7, 7, 11)
    """Kernel of the source's block in each stage."""
    dilations: tuple[int, ...] = (1, 3, 5)
    """Dilations of the layers of every block."""
    n_fft: int = 16
    fft_hop: int = 4
    largest_magnitude: float = 100.0
    limit: float = 0.99
    """The largest sample."""
    f0: F0Config = field(default_factory=F0Config)
    source: HarmonicConfig = field(default_factory=HarmonicConfig)

    @property
    def stage_contexts(self) -> tuple[int, ...]:
        """Mel frames on each side of a piece that each stage must be given.

        The steps of later stages are short, and so is the context that they need.
        """
        contexts = []
        spectra = math.prod(self.upsampling)  # a frame
        frames = (self.edge_kernel // 2 + self.n_fft // self.fft_hop + 1) / spectra
        steps = spectra
        for index in reversed(range(1, len(self.upsampling))):
            own, source = max(self.block_kernels), self.source_kernels[index]
            hops = (own // 2 + source // 2) * sum(dilation + 1 for dilation in self.dilations)
            frames += (hops + 1) / steps  # and a step at the edge of the source's convolution
            steps //= self.upsampling[index]
            frames += -(-self.upsampling_kernels[index] // self.upsampling[index]) / steps
            contexts.append(math.ceil(frames))
        return (CONTEXT, *reversed(contexts))


class Stage(nn.Module):
    """Upsamples, adds the source's spectrum, and takes the mean of blocks with different kernels."""

    def __init__(self, config: VocoderConfig, index: int) -> None:
        super().__init__()
        self.is_last = index == len(config.upsampling) - 1
        factor, kernel = config.upsampling[index], config.upsampling_kernels[index]
        channels = config.width >> (index + 1)
        self.upsample = nn.ConvTranspose1d(
            2 * channels, channels, kernel, stride=factor, padding=(kernel - factor) // 2
        )
        self.source_conv = _source_conv(config, index, channels)
        self.source_block = ResidualBlock(channels, config.source_kernels[index], config.dilations)
        self.blocks = nn.ModuleList(
            ResidualBlock(channels, kernel, config.dilations) for kernel in config.block_kernels
        )

    def forward(self, x: Tensor, source_spectrum: Tensor) -> Tensor:
        """(B, 2C, L / factor) and (B, 2K, N / 4 + 1) -> (B, C, L); the last stage makes L = N / 4 + 1."""
        x = self.upsample(F.leaky_relu(x, STAGE_SLOPE))  # (B, C, L)
        if self.is_last:
            x = F.pad(x, (1, 0), mode="reflect")  # a spectrum has one column more than steps
        x = x + self.source_block(self.source_conv(source_spectrum))  # (B, C, L)
        first, *others = self.blocks
        total = first(x)
        for block in others:
            total += block(x)
        return total / len(self.blocks)  # type: ignore[no-any-return]


def _source_conv(config: VocoderConfig, index: int, channels: int) -> nn.Conv1d:
    """The convolution of the source's spectrum from the last stage's steps to this stage's."""
    factor = 1
    for later in config.upsampling[index + 1 :]:
        factor *= later
    inputs = config.n_fft + 2
    if factor == 1:
        return nn.Conv1d(inputs, channels, 1)
    return nn.Conv1d(inputs, channels, 2 * factor, stride=factor, padding=factor // 2)


class ResidualBlock(nn.Module):
    """Layers that each add their output to the signal."""

    def __init__(self, channels: int, kernel: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(ResidualLayer(channels, kernel, dilation) for dilation in dilations)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, L) -> (B, C, L)."""
        for layer in self.layers:
            x = layer(x)
        return x


class ResidualLayer(nn.Module):
    """Two convolutions, the first one dilated, each after a snake."""

    def __init__(self, channels: int, kernel: int, dilation: int) -> None:
        super().__init__()
        self.wide_snake = Snake(channels)
        self.wide_conv = nn.Conv1d(
            channels, channels, kernel, dilation=dilation, padding=(kernel - 1) * dilation // 2
        )
        self.snake = Snake(channels)
        self.conv = nn.Conv1d(channels, channels, kernel, padding=kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, L) -> (B, C, L)."""
        found: Tensor = self.conv(self.snake(self.wide_conv(self.wide_snake(x))))
        return found.add_(x)


class Snake(nn.Module):
    """x + sin²(ax) / a with an `a` for each channel (Ziyin et al., 2020)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.frequency = nn.Parameter(torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, L) -> (B, C, L)."""
        frequency = self.frequency[:, None]  # (C, 1)
        return torch.addcmul(x, (x * frequency).sin_().square_(), 1 / (frequency + SNAKE_FLOOR))
