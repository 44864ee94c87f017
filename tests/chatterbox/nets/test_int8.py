"""Linear layers with 8 bit weights beside exact ones."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from tts_hub_chatterbox.nets.int8 import Int8Linear, has_int8, round_weights

pytestmark = pytest.mark.skipif(not has_int8(), reason="this processor has no such products")


def inputs(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def linear(wide: int = 96, narrow: int = 40, *, bias: bool = True) -> nn.Linear:
    layer = nn.Linear(wide, narrow, bias=bias)
    with torch.no_grad():
        layer.weight.copy_(inputs(narrow, wide, seed=1) * torch.logspace(-3, 1, narrow)[:, None])
    return layer.requires_grad_(requires_grad=False)


@pytest.mark.parametrize("shape", [(1, 96), (7, 96), (2, 5, 96)])
@pytest.mark.parametrize("bias", [True, False])
def test_it_is_near_the_exact_layer_for_outputs_of_any_size(shape: tuple[int, ...], bias: bool) -> None:
    exact, x = linear(bias=bias), inputs(*shape)
    wanted, found = exact(x), Int8Linear(exact)(x)
    assert found.shape == wanted.shape
    sizes = exact.weight.norm(dim=1) * x.norm(dim=-1, keepdim=True)  # of what the sums are made of
    errors = (found - wanted).abs() / sizes
    assert errors.max() < 0.005
    assert errors.mean() < 0.002


def test_weights_may_lie_transposed_in_memory_as_in_the_official_files() -> None:
    plain, transposed, x = linear(), linear(), inputs(3, 96)
    transposed.weight = nn.Parameter(plain.weight.T.contiguous().T, requires_grad=False)
    transposed.bias = plain.bias
    assert torch.equal(Int8Linear(transposed)(x), Int8Linear(plain)(x))


def test_a_row_gives_the_same_whatever_is_beside_it() -> None:
    layer, rows = Int8Linear(linear()), inputs(5, 96)
    rows[1] *= 1_000
    together = layer(rows)
    for row in range(5):
        assert torch.equal(layer(rows[row : row + 1])[0], together[row])


def test_a_row_of_zeros_gives_the_bias_and_one_that_is_not_finite_harms_no_other() -> None:
    exact = linear()
    layer, rows = Int8Linear(exact), inputs(3, 96)
    rows[0], rows[1, 5] = 0, torch.nan
    found = layer(rows)
    assert torch.equal(found[0], exact.bias)
    assert found[1].isnan().all()
    assert torch.equal(found[2], layer(rows[2:])[0])


def test_all_linear_layers_of_a_net_are_replaced_and_nothing_else() -> None:
    net = nn.Sequential(nn.Linear(8, 8), nn.LayerNorm(8), nn.Sequential(nn.Linear(8, 4), nn.Embedding(3, 4)))
    round_weights(net)
    kinds = [type(module) for module in net.modules()]
    assert kinds.count(Int8Linear) == 2
    assert nn.Linear not in kinds
    assert nn.LayerNorm in kinds
