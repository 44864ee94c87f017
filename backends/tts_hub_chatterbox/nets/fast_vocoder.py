"""The vocoder's `decode` for CPUs: the results of its modules, from far fewer operations.

F mel frames, M mel bins, N samples, J spectra (N / 4 + 1), L steps of a stage, C channels, K frequency bins,
R rows of a buffer, more than L

All signals are matrices with a row for each step. The convolutions of the blocks are `StepConv`s, the others
are matrix products over views of their input. Linear factors are folded into the weights in advance: the
frequencies of the snakes, and the mean over a stage's blocks.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import cast

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn

from tts_hub_chatterbox.nets.step_conv import StepConv, step_conv
from tts_hub_chatterbox.nets.vocoder_stages import (
    OUTPUT_SLOPE,
    STAGE_SLOPE,
    ResidualBlock,
    ResidualLayer,
    Stage,
    VocoderConfig,
)

LOWEST = 1e-6
"""The lowest frequency of a snake. Below it a snake is practically linear, but cannot be divided by it."""


class FastDecoder:
    """A vocoder's `decode` for one row, made from its current float32 weights on the CPU."""

    def __init__(
        self,
        config: VocoderConfig,
        input_conv: nn.Conv1d,
        stages: nn.ModuleList,
        output_conv: nn.Conv1d,
        window: Tensor,
    ) -> None:
        self.input_conv = WindowProduct(input_conv)
        self.stages = []
        share = 1.0
        for stage in cast("Iterable[Stage]", stages):
            self.stages.append(FastStage(stage, share))
            share = 1 / len(stage.blocks)
        self.output_conv = output_conv
        weight = share * self.output_conv.weight.detach()[:, :, None]  # (2K, C, 1, kernel)
        self.output_weight = weight.contiguous(memory_format=torch.channels_last)
        self.spectra = Spectra(config, window)
        self.contexts = config.stage_contexts

    def __call__(self, mel: Tensor, source: Tensor, wanted: range) -> Tensor:
        """(M, F) and (N,) -> (N,) of the `wanted` frames."""
        hidden = self.input_conv(mel.T)  # (F, C)
        source_spectrum = self.spectra.analyse(source)  # (J, 2K)
        there, columns = range(mel.shape[1]), len(source_spectrum) // mel.shape[1]
        for stage, context in zip(self.stages, self.contexts, strict=True):
            kept = there
            if stage is not self.stages[0]:
                kept = range(max(there.start, wanted.start - context), min(there.stop, wanted.stop + context))
            steps = len(hidden) // len(there)  # a frame
            hidden = hidden[steps * (kept.start - there.start) :][: steps * len(kept)]
            # A spectrum has one column more than there are steps.
            spectrum = source_spectrum[columns * kept.start : columns * kept.stop + 1]
            hidden = stage(hidden, spectrum)  # (L, C / 2)
            there = kept
        hidden = F.leaky_relu_(hidden, OUTPUT_SLOPE).T[None, :, None]  # (J, C) -> (1, C, 1, J)
        padding = (0, self.output_weight.shape[3] // 2)
        spectrum = F.conv2d(hidden, self.output_weight, self.output_conv.bias, padding=padding)
        samples = self.spectra.synthesise(spectrum[0, :, 0])  # (1, 2K, 1, J) -> (2K, J)
        hop = len(samples) // len(there)
        return samples[hop * (wanted.start - there.start) :][: hop * len(wanted)]


class FastStage:
    """A `Stage` that returns the sum of its blocks; the next stage multiplies it by its `share`."""

    def __init__(self, stage: Stage, share: float) -> None:
        self.is_last = stage.is_last
        self.upsample = Upsampling(stage.upsample, share)
        self.source_conv = WindowProduct(stage.source_conv)
        self.source_block = _fast_layers(stage.source_block)
        self.blocks = [_fast_layers(block) for block in cast("Iterable[ResidualBlock]", stage.blocks)]

    def __call__(self, x: Tensor, source_spectrum: Tensor) -> Tensor:
        """(L / factor, 2C), overwritten, and (J, 2K) -> (L, C)."""
        steps = len(x) * self.upsample.factor + self.is_last
        rows = max(layer.rows(steps) for block in (self.source_block, *self.blocks) for layer in block)
        x = self.upsample(F.leaky_relu_(x, STAGE_SLOPE), rows, ahead=int(self.is_last))  # (R, C)
        if self.is_last:
            x[0] = x[2]  # the reflected column
        total, other, *scratch = x.new_empty(4, *x.shape)
        self.source_conv(source_spectrum, out=other[:steps])
        _run(self.source_block, other, steps, scratch)
        x[:steps] += other[:steps]
        for index, block in enumerate(self.blocks[:-1]):
            copy = other if index else total
            copy[:steps] = x[:steps]
            _run(block, copy, steps, scratch)
            if index:
                total[:steps] += other[:steps]
        _run(self.blocks[-1], x, steps, scratch)
        return x[:steps] if len(self.blocks) == 1 else total[:steps].add_(x[:steps])


class FastLayer:
    """A `ResidualLayer` with the snakes' frequencies folded into the weights around them.

    x + sin²(ax) / a is (u + sin²(u)) / a of u = ax.
    """

    def __init__(self, layer: ResidualLayer) -> None:
        before, between = _frequency(layer.wide_snake.frequency), _frequency(layer.snake.frequency)  # (C,)
        wide, narrow = layer.wide_conv, layer.conv
        self.frequency = before.float()
        self.wide = step_conv(
            wide.weight.detach() * between[:, None, None] / before[:, None],
            _bias(wide) * between,
            wide.dilation[0],
        )
        self.narrow = step_conv(narrow.weight.detach() / between[:, None], _bias(narrow))

    def rows(self, steps: int) -> int:
        """The number of rows that buffers must have for L steps."""
        wide, narrow = self.wide, self.narrow
        return max(
            wide.padded_steps(steps), narrow.margin + wide.whole_tiles(steps), narrow.padded_steps(steps)
        )

    def __call__(self, x: Tensor, steps: int, padded: Tensor, inner: Tensor) -> None:
        """Change the first L rows of (R, C); `padded` and `inner` of that shape are overwritten."""
        signal = _without_margins(padded, self.wide, steps)  # (L, C)
        torch.mul(x[:steps], self.frequency, out=signal)
        waves = torch.sin(signal, out=inner[:steps])
        signal.addcmul_(waves, waves)
        self.wide.write_snake(inner[self.narrow.margin :], padded, steps)
        _without_margins(inner, self.narrow, steps)
        self.narrow.add_to(x, inner, steps)


def _fast_layers(block: ResidualBlock) -> list[FastLayer]:
    return [FastLayer(layer) for layer in cast("Iterable[ResidualLayer]", block.layers)]


def _run(layers: Iterable[FastLayer], x: Tensor, steps: int, scratch: list[Tensor]) -> None:
    for layer in layers:
        layer(x, steps, *scratch)


def _without_margins(buffer: Tensor, conv: StepConv, steps: int) -> Tensor:
    """The rows of a convolution's signal, after setting its margins to zero."""
    end = conv.margin + steps
    buffer[: conv.margin] = 0.0
    buffer[end : conv.padded_steps(steps)] = 0.0
    return buffer[conv.margin : end]


def _frequency(parameter: Tensor) -> Tensor:
    exact = parameter.detach().double()
    return torch.where(exact.abs() < LOWEST, LOWEST, exact)


def _bias(conv: nn.Conv1d | nn.ConvTranspose1d) -> Tensor:
    return conv.bias.detach() if conv.bias is not None else conv.weight.new_zeros(conv.out_channels)


class WindowProduct:
    """A convolution as one product with its windows, which are views of overlapping memory."""

    def __init__(self, conv: nn.Conv1d) -> None:
        self.stride, self.padding = conv.stride[0], int(conv.padding[0])
        self.weight = conv.weight.detach().permute(2, 1, 0).flatten(0, 1).contiguous()  # (kernel C, D)
        self.bias = _bias(conv)
        self.kernel = conv.kernel_size[0]

    def __call__(self, x: Tensor, out: Tensor | None = None) -> Tensor:
        """(L, C) -> (L / stride, D)."""
        padded = F.pad(x, (0, 0, self.padding, self.padding)).contiguous()
        channels = x.shape[1]
        count = (len(padded) - self.kernel) // self.stride + 1
        windows = padded.as_strided((count, self.kernel * channels), (self.stride * channels, 1))
        return torch.addmm(self.bias, windows, self.weight, out=out)


class Upsampling:
    """A transposed convolution as one product for each input that an output depends on."""

    def __init__(self, conv: nn.ConvTranspose1d, share: float) -> None:
        """Prepare for an input that must be multiplied by `share`."""
        self.factor, self.padding = conv.stride[0], int(conv.padding[0])
        weight = share * conv.weight.detach().transpose(1, 2)  # (C, D, kernel) -> (C, kernel, D)
        self.weights = [part.flatten(1).contiguous() for part in torch.split(weight, self.factor, dim=1)]
        self.bias = _bias(conv)

    def __call__(self, x: Tensor, rows: int, *, ahead: int) -> Tensor:
        """(L, C) -> (R, D): rows `ahead` to `ahead` + L * factor are the result, the others are undefined."""
        steps, start = len(x), self.padding - ahead
        groups = max(steps + len(self.weights) - 1, -(-(start + rows) // self.factor))
        out = x.new_empty(groups * self.factor, len(self.bias))
        out[:] = self.bias
        grouped = out.view(groups, -1)  # (L / factor, factor D)
        for index, weight in enumerate(self.weights):
            grouped[index : index + steps, : weight.shape[1]].addmm_(x, weight)
        return out[start : start + rows]


class Spectra:
    """The transforms between samples and short spectra, as matrix products."""

    def __init__(self, config: VocoderConfig, window: Tensor) -> None:
        self.config = config
        size = config.n_fft
        exact = window.double()[:, None]  # (n_fft, 1)
        bins = torch.arange(size // 2 + 1, dtype=torch.float64)
        angles = 2 * math.pi / size * torch.arange(size, dtype=torch.float64)[:, None] * bins  # (n_fft, K)
        analysis = torch.cat((angles.cos(), -angles.sin()), dim=1)  # (n_fft, 2K)
        twice = torch.where((bins > 0) & (bins < size // 2), 2.0, 1.0).repeat(2)  # (2K,)
        self.analysis = (analysis * exact).float()
        self.synthesis = (analysis * twice * exact / size).float()
        self.squares = exact.square().float()

    def analyse(self, source: Tensor) -> Tensor:
        """(N,) -> (J, 2K), the real parts before the imaginary ones."""
        half = self.config.n_fft // 2
        padded = F.pad(source[None], (half, half), mode="reflect")[0]
        return padded.unfold(0, self.config.n_fft, self.config.fft_hop) @ self.analysis

    def synthesise(self, spectrum: Tensor) -> Tensor:
        """(2K, J), logarithmic magnitudes above the values whose sine is the phase, -> (N,)."""
        logarithms, waves = spectrum.chunk(2)  # (K, J) each
        magnitudes = logarithms.exp().clamp_(max=self.config.largest_magnitude)
        phases = waves.sin()
        parts = torch.cat((magnitudes * phases.cos(), magnitudes * phases.sin()))  # (2K, J)
        samples = self._overlapped(self.synthesis @ parts)
        samples /= self._overlapped(self.squares.expand(-1, spectrum.shape[1]))
        return samples.clamp_(-self.config.limit, self.config.limit)

    def _overlapped(self, windows: Tensor) -> Tensor:
        """(n_fft, J) -> (N,), the sum of the windows, without half a window at each end."""
        hop = self.config.fft_hop
        parts = torch.split(windows, hop)  # (hop, J) each
        count = windows.shape[1]
        total = windows.new_zeros(hop, count + len(parts) - 1)
        for index, part in enumerate(parts):
            total[:, index : index + count] += part
        half = len(parts) // 2
        return total[:, half:-half].T.flatten()  # (hop, N / hop) -> (N,)
