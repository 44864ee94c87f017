"""HiFT vocoder: mel to samples, by shaping a harmonic source.

B batch, F mel frames, M mel bins, N samples, L steps of a stage, C channels, K frequency bins

"HiFTNet" (Li et al., 2023) as CosyVoice 2 trained it for 24 kHz: the mel is upsampled 8 * 5 * 3 times, the
spectrum of the source joins at every stage, and an inverse transform makes the last factor of 4.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn

from tts_hub_chatterbox.nets.f0 import F0Config, F0Predictor
from tts_hub_chatterbox.nets.harmonics import HarmonicConfig, HarmonicSource

if TYPE_CHECKING:
    from tts_hub_chatterbox.nets.fast_vocoder import FastDecoder

CONTEXT = 14
"""Mel frames on each side of a piece that `Vocoder.decode` needs to make it as if all was there."""
SNAKE_FLOOR = 1e-9
"""Keeps the reciprocal of a snake's frequency finite."""
STAGE_SLOPE = 0.1
"""Of the leaky ReLU before each stage."""
OUTPUT_SLOPE = 0.01
"""Of the one before the last convolution."""


@dataclass(frozen=True, slots=True)
class VocoderConfig:
    """Sizes; the defaults are the published ones."""

    mel_bins: int = 80
    width: int = 512
    """Channels before the first stage; each stage halves them."""
    edge_kernel: int = 7
    """Of the first and the last convolution."""
    upsampling: tuple[int, ...] = (8, 5, 3)
    upsampling_kernels: tuple[int, ...] = (16, 11, 7)
    block_kernels: tuple[int, ...] = (3, 7, 11)
    source_kernels: tuple[int, ...] = (7, 7, 11)
    """Of the source's block in each stage."""
    dilations: tuple[int, ...] = (1, 3, 5)
    """Of the layers of every block."""
    n_fft: int = 16
    fft_hop: int = 4
    largest_magnitude: float = 100.0
    limit: float = 0.99
    """Of the samples."""
    f0: F0Config = field(default_factory=F0Config)
    source: HarmonicConfig = field(default_factory=HarmonicConfig)

    @property
    def stage_contexts(self) -> tuple[int, ...]:
        """Mel frames on each side of a piece that each stage must be given.

        The steps of later stages are short, so what they hear of the neighbourhood is short, too.
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


class Vocoder(nn.Module):
    """Mel to speech. Weights may be of any floating type; source, spectra and samples are float32."""

    def __init__(self, config: VocoderConfig) -> None:
        super().__init__()
        self.config = config
        self.f0 = F0Predictor(config.f0)
        self.source = HarmonicSource(config.source)
        edge = config.edge_kernel
        self.input_conv = nn.Conv1d(config.mel_bins, config.width, edge, padding=edge // 2)
        self.stages = nn.ModuleList(Stage(config, index) for index in range(len(config.upsampling)))
        channels = config.width >> len(config.upsampling)
        self.output_conv = nn.Conv1d(channels, config.n_fft + 2, edge, padding=edge // 2)
        window = torch.hann_window(config.n_fft, dtype=torch.float64, device="cpu").float()
        self.register_buffer("window", window, persistent=False)  # (n_fft,)
        self.window: Tensor
        self._fast: FastDecoder | None = None

    @torch.no_grad()
    def prepare(self) -> Self:
        """Make `decode` several times faster where there is a way: in float32 on a CPU, with MKL.

        Takes 0.3 GB at the published sizes. What is prepared is dropped when the net is moved or cast: call
        it again then, and after any change of the weights.
        """
        weight = self.input_conv.weight
        in_float = weight.device.type == "cpu" and weight.dtype == torch.float32
        if in_float and torch.backends.mkl.is_available():  # type: ignore[no-untyped-call]
            from tts_hub_chatterbox.nets.fast_vocoder import FastDecoder

            self._fast = FastDecoder(self)
        return self

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> Self:
        self._fast = None
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return self

    def forward(
        self, mel: Tensor, phases: Tensor, noise: Tensor, known_source: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """All of it at once.

        To go on piece by piece call its parts: `f0`, `source`, `decode`.

        Args:
            mel: (B, M, F).
            phases: (B, H) of `source.draw_phases`.
            noise: (B, N, H) of `source.draw_noise`.
            known_source: (B, up to N), takes the place of the source's beginning: that of a piece before, for
                frames that come again.

        Returns:
            Samples (B, N) at 24 kHz between -0.99 and 0.99, and the source (B, N); N = 480 F.
        """
        source, _ = self.source(self.f0(mel), phases, noise)
        if known_source is not None:
            source = torch.cat((known_source, source[:, known_source.shape[1] :]), dim=1)  # (B, N)
        return self.decode(mel, source), source

    def decode(self, mel: Tensor, source: Tensor, wanted: range | None = None) -> Tensor:
        """(B, M, F) and its source (B, N) -> samples (B, N), float32, or those of the `wanted` frames."""
        mel = mel.to(self.input_conv.weight)
        wanted = range(mel.shape[2]) if wanted is None else wanted
        if self._fast is not None:
            return torch.stack([self._fast(*row, wanted) for row in zip(mel, source, strict=True)])
        hidden = self.input_conv(mel)  # (B, C, F)
        source_spectrum = self._analyse(source).to(hidden)  # (B, 2K, N / 4 + 1)
        for stage in self.stages:
            hidden = stage(hidden, source_spectrum)  # (B, C / 2, L)
        spectrum = self.output_conv(F.leaky_relu(hidden, OUTPUT_SLOPE))  # (B, 2K, N / 4 + 1)
        hop = self.config.source.hop
        return self._synthesise(spectrum.float())[:, wanted.start * hop : wanted.stop * hop]

    def _analyse(self, source: Tensor) -> Tensor:
        """(B, N) -> (B, 2K, N / 4 + 1), the real parts above the imaginary ones."""
        spectrum = torch.stft(
            source, self.config.n_fft, hop_length=self.config.fft_hop, window=self.window, return_complex=True
        )  # (B, K, N / 4 + 1)
        return torch.cat((spectrum.real, spectrum.imag), dim=1)

    def _synthesise(self, spectrum: Tensor) -> Tensor:
        """(B, 2K, N / 4 + 1), logarithmic magnitudes above what gives the phases, -> (B, N)."""
        logarithms, waves = spectrum.chunk(2, dim=1)  # (B, K, N / 4 + 1) each
        magnitudes = logarithms.exp().clamp(max=self.config.largest_magnitude)
        # The net learnt to give the sine of something as the phase in radians.
        samples = torch.istft(
            torch.polar(magnitudes, waves.sin()),
            self.config.n_fft,
            hop_length=self.config.fft_hop,
            window=self.window,
        )
        return samples.clamp(-self.config.limit, self.config.limit)


class Stage(nn.Module):
    """Upsample, add the source's spectrum, and the mean of blocks of different reach."""

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
    """Brings the source's spectrum, that comes in the last stage's steps, to this stage's."""
    factor = 1
    for later in config.upsampling[index + 1 :]:
        factor *= later
    inputs = config.n_fft + 2
    if factor == 1:
        return nn.Conv1d(inputs, channels, 1)
    return nn.Conv1d(inputs, channels, 2 * factor, stride=factor, padding=factor // 2)


class ResidualBlock(nn.Module):
    """Layers that each add what they find to the signal."""

    def __init__(self, channels: int, kernel: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(ResidualLayer(channels, kernel, dilation) for dilation in dilations)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, L) -> (B, C, L)."""
        for layer in self.layers:
            x = layer(x)
        return x


class ResidualLayer(nn.Module):
    """Two convolutions, the first one wide, each behind a snake."""

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


def fade_in(samples: Tensor, sample_rate: int) -> Tensor:
    """The beginning of speech (..., N) without what spills over from the voice's clip.

    20 ms of silence, then 20 ms of a raised cosine; a shorter signal gets the part that fits.
    """
    length = sample_rate // 50
    rise = (torch.cos(torch.linspace(torch.pi, 0, length, device=samples.device)) + 1) / 2
    envelope = torch.cat((torch.zeros_like(rise), rise)).to(samples)[
        : samples.shape[-1]
    ]  # (up to 2 * length,)
    return torch.cat((samples[..., : len(envelope)] * envelope, samples[..., len(envelope) :]), dim=-1)
