"""Attention by products beside the fused one of torch in float32."""

from __future__ import annotations

from unittest.mock import patch

import pytest
import torch
from torch import Tensor
from torch.nn import functional
from tts_hub_chatterbox.nets.attention import HALVES, attend


def normal(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def biases() -> list[Tensor | None]:
    return [None, normal(2, 4, 9, 30, seed=4), normal(2, 1, 1, 30, seed=5) > 0]


@pytest.mark.parametrize("has_matrix_units", [False, True])
@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("which", range(3))
def test_half_precision_is_near_the_exact_one(
    dtype: torch.dtype, which: int, *, has_matrix_units: bool
) -> None:
    bias = biases()[which]
    query, key, value = (
        normal(2, 4, 9, 64, seed=1),
        normal(2, 4, 30, 64, seed=2),
        normal(2, 4, 30, 64, seed=3),
    )
    exact = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias)
    rough_bias = bias if bias is None or bias.dtype == torch.bool else bias.to(dtype)
    with patch("torch.cpu._is_amx_tile_supported", return_value=has_matrix_units):
        found = attend(query.to(dtype), key.to(dtype), value.to(dtype), rough_bias)
    assert found.dtype == dtype
    assert (found.float() - exact).norm() < 0.01 * exact.norm()


def test_float32_is_as_of_torch() -> None:
    query, key, value = (normal(1, 2, 5, 8, seed=seed) for seed in range(3))
    exact = functional.scaled_dot_product_attention(query, key, value)
    assert torch.equal(attend(query, key, value), exact)
