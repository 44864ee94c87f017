"""The vocoder's `decode` for CPUs: the same numbers as of the modules, from far fewer operations.

F mel frames, M mel bins, N samples, J spectra (N / 4 + 1), L steps of a stage, C channels, K frequency bins

All signals are matrices with a row for each step. The wide convolutions are `TiledConv`; the others are matrix
products over views of their input. What is linear is folded into the weights beforehand: the frequencies of the
snakes, and the mean of a stage's blocks.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn

from tts_hub_chatterbox.nets.tiled_conv import TiledConv

if TYPE_CHECKING:
    from tts_hub_chatterbox.nets.vocoder import ResidualBlock, ResidualLayer, Stage, Vocoder

SLOWEST = 1e-6
"""Frequency of a snake; one below is straight in float32, and would divide by zero."""


class FastDecoder:
    """What `Vocoder.decode` does, for one row; made once from a vocoder's float32 weights on the CPU."""

    def __init__(self, vocoder: Vocoder) -> None:
        from tts_hub_chatterbox.nets.vocoder import OUTPUT_SLOPE, STAGE_SLOPE

        self.input_conv = WindowedProduct(vocoder.input_conv)
        self.stages = []
        share, slope = 1.0, STAGE_SLOPE
        for stage in vocoder.stages:
            self.stages.append(FastStage(stage, share, slope))  # type: ignore[arg-type]
            share = 1 / len(stage.blocks)  # type: ignore[arg-type]
        conv = vocoder.output_conv
        weight = share * conv.weight.detach()[:, :, None]  # (2K, C, 1, kernel)
        self.output_weight = weight.contiguous(memory_format=torch.channels_last)
        self.output_bias = conv.bias.detach() if conv.bias is not None else None
        self.output_padding, self.output_slope = conv.kernel_size[0] // 2, OUTPUT_SLOPE
        self.spectra = Spectra(vocoder)

    def __call__(self, mel: Tensor, source: Tensor) -> Tensor:
        """(M, F) and (N,) -> (N,)."""
        hidden = self.input_conv(mel.T)  # (F, C)
        source_spectrum = self.spectra.analyse(source)  # (J, 2K)
        for stage in self.stages:
            hidden = stage(hidden, source_spectrum)  # (L, C / 2)
        picture = F.leaky_relu_(hidden, self.output_slope).T[None, :, None]  # (J, C) -> (1, C, 1, J)
        padding = (0, self.output_padding)
        spectrum = F.conv2d(picture, self.output_weight, self.output_bias, padding=padding)  # (1, 2K, 1, J)
        return self.spectra.synthesise(spectrum[0, :, 0])
