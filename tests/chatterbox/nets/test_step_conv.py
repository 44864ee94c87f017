"""Convolutions of steps, in tiles and direct: beside the convolution of torch in float64."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from tts_hub_chatterbox.nets import step_conv, tiled_conv
from tts_hub_chatterbox.nets.step_conv import DirectConv, StepConv
from tts_hub_chatterbox.nets.tiled_conv import TiledConv, tile_matrices

CHANNELS = 12
Make = type[TiledConv] | type[DirectConv]
each_way = pytest.mark.parametrize("make", [TiledConv, DirectConv])


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def case(kernel: int, dilation: int, steps: int, make: Make = TiledConv) -> tuple[StepConv, Tensor, Tensor]:
    """A convolution, its padded input (R, C), and the exact output (L, D)."""
    weight, bias = normal(1, 2 * CHANNELS, CHANNELS, kernel), normal(2, 2 * CHANNELS)
    signal = normal(3, steps, CHANNELS)
    conv = make(weight, bias, dilation)
    padded = torch.zeros(conv.padded_steps(steps), CHANNELS)
    padded[conv.margin : conv.margin + steps] = signal
    exact = nn.functional.conv1d(
        signal.T[None].double(), weight.double(), bias.double(), padding=conv.margin, dilation=dilation
    )
    return conv, padded, exact[0].T


def assert_near(ours: Tensor, exact: Tensor) -> None:
    assert (ours - exact).abs().max() < 2e-6 * exact.abs().max()


@each_way
@pytest.mark.parametrize("kernel", [1, 3, 7, 11])
@pytest.mark.parametrize("steps", [1, 18, 19, 1000])
def test_adds_the_convolution(kernel: int, steps: int, make: Make) -> None:
    conv, padded, exact = case(kernel, 1, steps, make)
    before = normal(4, conv.whole_tiles(steps), 2 * CHANNELS)
    total = before.clone()
    conv.add_to(total, padded, steps)
    assert_near(total[:steps], before[:steps] + exact)


@each_way
@pytest.mark.parametrize("kernel", [3, 7, 11])
@pytest.mark.parametrize("dilation", [1, 3, 5])
@pytest.mark.parametrize("steps", [1, 90, 91, 1000])
def test_writes_the_snake_of_a_dilated_convolution(
    kernel: int, dilation: int, steps: int, make: Make
) -> None:
    conv, padded, exact = case(kernel, dilation, steps, make)
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


@pytest.mark.parametrize("winner", [TiledConv, DirectConv])
def test_the_faster_way_is_taken(winner: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    step_conv._faster.cache_clear()
    monkeypatch.setattr(step_conv, "_trial", lambda conv, _channels: 1.0 if isinstance(conv, winner) else 2.0)
    try:
        assert type(step_conv.step_conv(normal(1, 4, 4, 3), normal(2, 4))) is winner
    finally:
        step_conv._faster.cache_clear()
