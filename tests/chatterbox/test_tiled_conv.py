"""Convolution in tiles: beside the convolution of torch in float64."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from tts_hub_chatterbox.nets import tiled_conv
from tts_hub_chatterbox.nets.tiled_conv import TiledConv, tile_matrices

CHANNELS = 12


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def case(kernel: int, dilation: int, steps: int) -> tuple[TiledConv, Tensor, Tensor]:
    """A convolution, its padded input (R, C), and the exact output (L, D)."""
    weight, bias = normal(1, 2 * CHANNELS, CHANNELS, kernel), normal(2, 2 * CHANNELS)
    signal = normal(3, steps, CHANNELS)
    conv = TiledConv(weight, bias, dilation)
    padded = torch.zeros(conv.padded_steps(steps), CHANNELS)
    padded[conv.margin : conv.margin + steps] = signal
    exact = nn.functional.conv1d(
        signal.T[None].double(), weight.double(), bias.double(), padding=conv.margin, dilation=dilation
    )
    return conv, padded, exact[0].T


def assert_near(ours: Tensor, exact: Tensor) -> None:
    assert (ours - exact).abs().max() < 2e-6 * exact.abs().max()


@pytest.mark.parametrize("kernel", [1, 3, 7, 11])
@pytest.mark.parametrize("steps", [1, 18, 19, 1000])
def test_adds_the_convolution(kernel: int, steps: int) -> None:
    conv, padded, exact = case(kernel, 1, steps)
    before = normal(4, conv.whole_tiles(steps), 2 * CHANNELS)
    total = before.clone()
    conv.add_to(total, padded, steps)
    assert_near(total[:steps], before[:steps] + exact)


@pytest.mark.parametrize("kernel", [3, 7, 11])
@pytest.mark.parametrize("dilation", [1, 3, 5])
@pytest.mark.parametrize("steps", [1, 90, 91, 1000])
def test_writes_the_snake_of_a_dilated_convolution(kernel: int, dilation: int, steps: int) -> None:
    conv, padded, exact = case(kernel, dilation, steps)
    out = torch.full((conv.whole_tiles(steps), 2 * CHANNELS), torch.nan)
    conv.write_snake(out, padded, steps)
    assert_near(out[:steps], exact + exact.sin().square())


def test_some_tiles_at_a_time_are_as_all(monkeypatch: pytest.MonkeyPatch) -> None:
    conv, padded, exact = case(7, 3, 1000)
    monkeypatch.setattr(tiled_conv, "SCRATCH", 50_000)
    out = torch.empty(conv.whole_tiles(1000), 2 * CHANNELS)
    conv.write_snake(out, padded, 1000)
    assert_near(out[:1000], exact + exact.sin().square())


@pytest.mark.parametrize(("kernel", "products", "outputs"), [(3, 28, 18), (7, 28, 14), (11, 40, 18)])
def test_takes_fewer_products(kernel: int, products: int, outputs: int) -> None:
    conv = TiledConv(normal(1, 4, 4, kernel), normal(2, 4))
    assert (len(conv.inputs), len(conv.outputs)) == (products, outputs)


def test_matrices_make_the_exact_convolution() -> None:
    inputs, weights, outputs = tile_matrices(5, 8)
    tile, kernel = normal(5, 10).double(), normal(6, 5).double()
    expected = tile.unfold(0, 5, 1) @ kernel
    assert torch.allclose(outputs @ ((weights @ kernel) * (inputs @ tile)), expected, atol=1e-14)
