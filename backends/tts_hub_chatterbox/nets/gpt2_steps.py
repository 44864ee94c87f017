"""GPT-2 for one new position in each row, with all that a step needs looked up in advance.

A step on a processor is a thousand small operations, and up to a tenth of its time Python spends on the way
to them through the modules. The arithmetic is that of `GPT2.at`, operation by operation.

B rows, C capacity of the cache, D width, H heads, K width of a head
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from tts_hub_chatterbox.nets.gpt2_layers import LAYER_NORM_EPS, Block, attend_with_shared_prefix
from tts_hub_chatterbox.nets.kv_cache import KVCache, Places

Linear = Callable[[Tensor], Tensor]


class Layer(NamedTuple):
    """The tensors and functions of a block."""

    attention_norm: tuple[Tensor, Tensor]
    """Weight and bias."""
    qkv: Linear
    out: Linear
    mlp_norm: tuple[Tensor, Tensor]
    up: Linear
    down: Linear


class FastSteps:
    """Steps of a GPT-2, with its layers as they are now."""

    def __init__(
        self, blocks: nn.ModuleList, position_embedding: nn.Embedding, final_norm: nn.LayerNorm, *, heads: int
    ) -> None:
        self._layers = [_layer(block) for block in blocks if isinstance(block, Block)]
        self._positions = position_embedding.weight
        self._norm = _norm(final_norm)
        self._heads = heads

    def __call__(self, places: Places, inputs: Tensor, cache: KVCache) -> Tensor:
        """Compute what `GPT2.at` computes: (B, 1, D) to (B, 1, D)."""
        batch, _, width = inputs.shape
        hidden = inputs[:, 0] + self._positions[places.positions[:, 0]]  # (B, D)
        layers = zip(self._layers, cache.keys.unbind(), cache.values.unbind(), strict=True)
        for layer, all_keys, all_values in layers:  # (B, H, C, K)
            normed = torch.layer_norm(hidden, (width,), *layer.attention_norm, LAYER_NORM_EPS)
            parts = layer.qkv(normed).view(batch, 3, self._heads, 1, -1)  # (B, 3D) -> (B, 3, H, 1, K)
            query, key, value = parts.unbind(1)  # 3 times (B, H, 1, K)
            keys, values = places.write(all_keys, key), places.write(all_values, value)  # (B, H, E, K)
            query = query.to(keys.dtype)
            if places.shared:
                mixed = attend_with_shared_prefix(query, keys, values, places)
            else:
                mixed = functional.scaled_dot_product_attention(query, keys, values, attn_mask=places.mask)
            hidden = hidden + layer.out(mixed.to(hidden.dtype).reshape(batch, width))
            normed = torch.layer_norm(hidden, (width,), *layer.mlp_norm, LAYER_NORM_EPS)
            hidden = hidden + layer.down(layer.up(normed))
        return torch.layer_norm(hidden, (width,), *self._norm, LAYER_NORM_EPS)[:, None]


def _layer(block: Block) -> Layer:
    return Layer(
        attention_norm=_norm(block.attention_norm),
        qkv=block.attention.qkv.forward,
        out=block.attention.out.forward,
        mlp_norm=_norm(block.mlp_norm),
        up=block.mlp.up.forward,
        down=block.mlp.down.forward,
    )


def _norm(norm: nn.LayerNorm) -> tuple[Tensor, Tensor]:
    return norm.weight, norm.bias
