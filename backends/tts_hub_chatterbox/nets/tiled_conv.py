"""Convolution along time for CPUs, in tiles that need a third of the multiplications.

L steps, C channels in, D channels out, K kernel, O outputs of a tile, I = O + K - 1 inputs of a tile,
P products of a tile, T tiles, d dilation

A tile's outputs are bilinear in its inputs and the kernel: `outputs @ ((weights @ kernel) * (inputs @ tile))`
(Winograd, "Arithmetic Complexity of Computations", 1980). The points where the polynomials are evaluated are
the `size` roots of unity, zero and infinity. So it is as exact as a Fourier transform, which it would not be
with real points for more than a few outputs. A complex product takes three real ones (Karatsuba). For a
kernel of 11 there are 40 products for 18 outputs, instead of 11 for each output.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

SMALLEST_SIZE = 18
"""Roots of unity. Larger tiles take fewer products of channels, but larger transforms and more memory."""
SCRATCH = 8 << 20
"""Bytes of transformed inputs at once: so much stays in a processor's cache."""


class TiledConv:
    """A `StepConv` that computes tile by tile."""

    def __init__(self, weight: Tensor, bias: Tensor, dilation: int = 1) -> None:
        """Take a float32 or float64 weight (D, C, K) as of `nn.Conv1d`, and a bias (D,)."""
        self.kernel, self.dilation = weight.shape[2], dilation
        self.margin = (self.kernel - 1) // 2 * dilation
        inputs, weights, outputs = tile_matrices(self.kernel, max(SMALLEST_SIZE, 2 * self.kernel + 4))
        self.inputs, self.outputs = inputs.float(), outputs.float()  # (P, I), (O, P)
        self.tile_steps = len(outputs) * dilation
        self.weight = torch.einsum("pk,dck->pcd", weights, weight.double()).float().contiguous()  # (P, C, D)
        self.bias = bias.float()

    def whole_tiles(self, steps: int) -> int:
        """So many steps, rounded up to whole tiles."""
        return -(-steps // self.tile_steps) * self.tile_steps

    def padded_steps(self, steps: int) -> int:
        """The number of input rows that are read for so many steps."""
        return self.whole_tiles(steps) + (self.kernel - 1) * self.dilation

    def add_to(self, total: Tensor, padded: Tensor, steps: int) -> None:
        """See `StepConv`."""
        for start, products in self._products(padded, steps):  # (T, P, D)
            matrices = self.outputs.expand(len(products), -1, -1)
            tiles = self._rows(total, start, len(products)).view(-1, *self._tile_shape)  # (T, O, D)
            tiles.baddbmm_(matrices, products)

    def write_snake(self, out: Tensor, padded: Tensor, steps: int) -> None:
        """See `StepConv`."""
        for start, products in self._products(padded, steps):  # (dT, P, D), one remainder after another
            found = torch.bmm(self.outputs.expand(len(products), -1, -1), products)  # (dT, O, D)
            # To the order of the steps: (dT, O, D) -> (d, TO, D) -> (TO, d, D)
            found = found.view(self.dilation, -1, found.shape[2]).transpose(0, 1)
            waves = found.sin()
            rows = self._rows(out, start, len(products)).view(found.shape)  # (TO d, D) -> (TO, d, D)
            torch.addcmul(found, waves, waves, out=rows)

    @property
    def _tile_shape(self) -> tuple[int, int]:
        return len(self.outputs), self.weight.shape[2]

    def _rows(self, matrix: Tensor, start: int, tiles: int) -> Tensor:
        return matrix[start : start + tiles * len(self.outputs)]

    def _products(self, padded: Tensor, steps: int) -> Iterator[tuple[int, Tensor]]:
        """Yield some tiles at a time: their first step, and (dT, P, D), the tiles of step 0 mod d first."""
        count, channels, _ = self.weight.shape
        dilation, tiles = self.dilation, self.whole_tiles(steps) // self.tile_steps
        parts = -(-tiles * dilation * count * channels * 4 // SCRATCH)
        at_once = -(-tiles // parts)
        for first in range(0, tiles, at_once):
            number = min(at_once, tiles - first)
            matrices = self.inputs.expand(number, -1, -1)  # (T, P, I)
            transformed = padded.new_empty(dilation * number, count, channels)  # (dT, P, C)
            for remainder in range(dilation):
                tile = padded[first * self.tile_steps + remainder :].as_strided(
                    (number, self.inputs.shape[1], channels),
                    (self.tile_steps * channels, dilation * channels, 1),
                )  # (T, I, C): a view of every d-th step, where tiles overlap
                mine = slice(remainder * number, (remainder + 1) * number)
                torch.bmm(matrices, tile, out=transformed[mine])
            products = torch.bmm(transformed.transpose(0, 1), self.weight)  # (P, dT, C) -> (P, dT, D)
            products[0] += self.bias  # this product adds to every output
            yield first * self.tile_steps, products.transpose(0, 1)


def tile_matrices(kernel: int, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """The matrices (P, I), (P, K) and (O, P) in float64 for `size` roots of unity, zero and infinity.

    `size` is even. The products are those at 1, -1, zero and infinity, then three for each other pair of
    roots: with kernel c + id and tile a + ib there, they are c(a + b), a(d - c) and b(c + d).
    """
    ones, signs, zero, infinity, real, imaginary = _powers(kernel, size)
    weights = torch.cat((ones, signs, zero, infinity, real, imaginary - real, imaginary + real))
    ones, signs, zero, infinity, real, imaginary = _powers(size + 3 - kernel, size)
    outputs = torch.cat((ones, signs, zero, infinity, real + imaginary, real, imaginary)).T
    # Back to the polynomial's coefficients: the inverse transform gives its remainder modulo x^size - 1.
    ones, signs, _, _, real, imaginary = _powers(size, size)
    nothing = torch.zeros(2, size, dtype=torch.float64)
    three = 2 * torch.cat((real + imaginary, imaginary, -real))
    remainder = torch.cat((ones, signs, nothing, three)) / size  # (P, size)
    # There the highest two are added to the lowest two; zero gives the lowest, infinity the highest.
    inputs = torch.cat((remainder, remainder[:, :1], torch.zeros_like(remainder[:, :1])), dim=1)  # (P, I)
    inputs[:, 0] = 0.0
    inputs[2, 0], inputs[2, size] = 1.0, -1.0
    inputs[3, size + 1], inputs[3, 1] = 1.0, -1.0
    return inputs.contiguous(), weights, outputs.contiguous()


def _powers(count: int, size: int) -> tuple[Tensor, ...]:
    """The powers 0 to `count` - 1 of the points, a row each: at 1, -1, zero and infinity, then the real and
    the imaginary parts at the other roots of unity in the lower half plane."""
    power = torch.arange(count, dtype=torch.float64)
    angles = 2 * math.pi / size * torch.arange(1, size // 2, dtype=torch.float64)[:, None] * power
    unit = torch.eye(count, dtype=torch.float64)
    signs = 1 - 2 * (power % 2)
    return torch.ones_like(signs)[None], signs[None], unit[:1], unit[-1:], angles.cos(), -angles.sin()
