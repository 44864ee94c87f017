"""Packed linear layers beside those of torch."""

from __future__ import annotations

from unittest.mock import patch

import pytest
import torch
from torch import Tensor, nn
from tts_hub_chatterbox.nets import dense
from tts_hub_chatterbox.nets.dense import Activation, Dense, PackedDense, pack_weights

from tests.chatterbox.small_nets import small_nets

pytestmark = pytest.mark.skipif(
    not dense._can_pack(torch.float32), reason="this torch has no packed products"
)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def layer(activation: Activation = "none") -> Dense:
    made = Dense(96, 40, activation)
    with torch.no_grad():
        made.weight.copy_(normal(40, 96, seed=1))
        made.bias.copy_(normal(40, seed=2))
    return made.requires_grad_(requires_grad=False)


@pytest.mark.parametrize("activation", list(dense.ACTIVATIONS))
@pytest.mark.parametrize("shape", [(1, 96), (7, 96), (2, 5, 96), (1, 300, 96)])
def test_packed_is_as_plain(activation: Activation, shape: tuple[int, ...]) -> None:
    plain, x = layer(activation), normal(*shape)
    wanted, found = plain(x), PackedDense(plain)(x)
    assert found.shape == wanted.shape
    assert (found - wanted).abs().max() < 1e-5 * wanted.abs().max()


@pytest.mark.skipif(not dense._can_pack(torch.bfloat16), reason="not in this type")
@pytest.mark.parametrize("activation", list(dense.ACTIVATIONS))
def test_in_bfloat16_only_the_result_is_rounded(activation: Activation) -> None:
    plain, x = layer(activation).bfloat16(), normal(7, 96).bfloat16()
    exact, found = plain.float()(x.float()), PackedDense(plain.bfloat16())(x)
    assert found.dtype == torch.bfloat16
    assert (found.float() - exact).abs().max() < 0.004 * exact.abs().max()


def test_weights_may_lie_transposed_and_inputs_in_strides() -> None:
    plain, x = layer(), normal(96, 7).T
    transposed = nn.Linear(96, 40, bias=False)
    transposed.weight = nn.Parameter(plain.weight.T.contiguous().T, requires_grad=False)
    wanted = x @ plain.weight.T
    assert (PackedDense(transposed)(x) - wanted).abs().max() < 1e-5 * wanted.abs().max()


@torch.inference_mode()
def test_a_whole_net_is_packed_and_gives_the_same() -> None:
    flow = small_nets().flow
    tokens = torch.arange(20)[None]
    wanted, _ = flow.encode(tokens, None, final=True)
    pack_weights(flow)
    assert not any(isinstance(module, nn.Linear) for module in flow.modules())
    found, _ = flow.encode(tokens, None, final=True)
    assert (found - wanted).abs().max() < 1e-4 * wanted.abs().max()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_where_there_are_no_such_products_all_stays_as_it_is(dtype: torch.dtype) -> None:
    net = nn.Sequential(layer().to(dtype))
    dense._can_pack.cache_clear()
    try:
        with patch.object(PackedDense, "__init__", side_effect=RuntimeError("needs another processor")):
            pack_weights(net)
    finally:
        dense._can_pack.cache_clear()
    assert isinstance(net[0], Dense)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_halves_are_computed_packed_or_not(dtype: torch.dtype) -> None:
    plain, x = layer("gelu"), normal(7, 96)
    net = nn.Sequential(layer("gelu").to(dtype))
    pack_weights(net)
    assert (net(x.to(dtype)).float() - plain(x)).abs().max() < 0.02 * plain(x).abs().max()
