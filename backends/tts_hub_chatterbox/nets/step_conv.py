"""Convolutions along time of matrices with a row for each step, in the faster of two ways.

L steps, C channels in, D channels out, K kernel
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise
from typing import Protocol

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor

from tts_hub_chatterbox.nets.tiled_conv import TiledConv

TRIAL_SIZE, TRIALS = 1 << 19, 3
"""Numbers of a signal in a trial, about as many as a second of speech has; the best of the trials counts."""


class StepConv(Protocol):
    """A prepared convolution of steps (L, C) that keeps their number: stride 1, zeros around, an odd kernel.

    The signal is in a buffer of at least `padded_steps(L)` rows: `margin` rows of zeros, L steps, zeros. The
    output has at least `whole_tiles(L)` rows; those from L on are undefined afterwards.
    """

    margin: int

    def whole_tiles(self, steps: int) -> int:
        """The number of output rows that are computed for so many steps."""

    def padded_steps(self, steps: int) -> int:
        """The number of input rows that are read for so many steps."""

    def add_to(self, total: Tensor, padded: Tensor, steps: int) -> None:
        """Add the convolution of `padded` to (whole_tiles(L), D); only without dilation."""

    def write_snake(self, out: Tensor, padded: Tensor, steps: int) -> None:
        """Write u + sin²(u), where u is the convolution of `padded`, to (whole_tiles(L), D)."""


class DirectConv:
    """A `StepConv` by oneDNN, which computes the sums of the definition."""

    def __init__(self, weight: Tensor, bias: Tensor, dilation: int = 1) -> None:
        """Take a float32 or float64 weight (D, C, K) as of `nn.Conv1d`, and a bias (D,)."""
        self.dilation = dilation
        self.margin = (weight.shape[2] - 1) // 2 * dilation
        # As an image of one line, with the channels side by side in memory.
        self.weight = weight.float()[:, :, None].contiguous(memory_format=torch.channels_last)  # (D, C, 1, K)
        self.bias = bias.float()

    def whole_tiles(self, steps: int) -> int:
        """The number of steps itself."""
        return steps

    def padded_steps(self, steps: int) -> int:
        """The steps with both margins."""
        return steps + 2 * self.margin

    def add_to(self, total: Tensor, padded: Tensor, steps: int) -> None:
        """See `StepConv`."""
        total[:steps] += self._convolved(padded, steps)

    def write_snake(self, out: Tensor, padded: Tensor, steps: int) -> None:
        """See `StepConv`."""
        found = self._convolved(padded, steps)
        waves = found.sin()
        torch.addcmul(found, waves, waves, out=out[:steps])

    def _convolved(self, padded: Tensor, steps: int) -> Tensor:
        """(L, D)."""
        image = padded[: self.padded_steps(steps)].T[None, :, None]  # (1, C, 1, R)
        return F.conv2d(image, self.weight, self.bias, dilation=(1, self.dilation))[0, :, 0].T


def step_conv(weight: Tensor, bias: Tensor, dilation: int = 1) -> StepConv:
    """The faster convolution on this machine, for a weight (D, C, K) and a bias (D,)."""
    make = _faster(weight.shape[1], weight.shape[2])
    return make(weight, bias, dilation)


@lru_cache
def _faster(channels: int, kernel: int) -> Callable[[Tensor, Tensor, int], StepConv]:
    """The faster class, measured once in each process, without dilation, whose cost is the same for both.

    Tiles take a third of the multiplications, but on some processors torch's products take twice the time of
    its convolutions.
    """
    weight, bias = torch.ones(channels, channels, kernel), torch.zeros(channels)
    ways: tuple[Callable[[Tensor, Tensor, int], StepConv], ...] = (TiledConv, DirectConv)
    return min(ways, key=lambda make: _trial(make(weight, bias, 1), channels))


def _trial(conv: StepConv, channels: int) -> float:
    """The seconds of the best of some trials."""
    steps = TRIAL_SIZE // channels
    padded = torch.zeros(conv.padded_steps(steps), channels)
    out = torch.zeros(conv.whole_tiles(steps), channels)
    conv.write_snake(out, padded, steps)
    moments = [time.perf_counter()]
    for _ in range(TRIALS):
        conv.write_snake(out, padded, steps)
        moments.append(time.perf_counter())
    return min(end - start for start, end in pairwise(moments))
