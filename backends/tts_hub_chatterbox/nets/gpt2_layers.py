"""The layers of GPT-2: attention over the KV cache, and the MLP behind it.

B batch (rows), N new positions, C capacity of the cache, E filled positions of the longest row,
P positions that all rows have in common, D width, H heads, K width of a head
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from tts_hub_chatterbox.nets.dense import Dense
from tts_hub_chatterbox.nets.gpt2_config import GPT2Config
from tts_hub_chatterbox.nets.kv_cache import Places

MLP_WIDENING = 4
LAYER_NORM_EPS = 1e-5


class Block(nn.Module):
    """Attention and MLP, each on a normalised input and added to it."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(config.width, eps=LAYER_NORM_EPS)
        self.attention = Attention(config)
        self.mlp_norm = nn.LayerNorm(config.width, eps=LAYER_NORM_EPS)
        self.mlp = MLP(config)

    def forward(self, hidden: Tensor, keys: Tensor, values: Tensor, places: Places) -> Tensor:
        """(B, N, D) to (B, N, D); one layer's keys and values (B, H, C, K) are written to."""
        hidden = hidden + self.attention(self.attention_norm(hidden), keys, values, places)
        return hidden + self.mlp(self.mlp_norm(hidden))  # type: ignore[no-any-return]


class Attention(nn.Module):
    """Multi-head attention of new positions to themselves and all before them."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        self.heads = config.heads
        self.qkv = nn.Linear(config.width, 3 * config.width)
        self.out = nn.Linear(config.width, config.width)

    def forward(self, hidden: Tensor, keys: Tensor, values: Tensor, places: Places) -> Tensor:
        """(B, N, D) to (B, N, D)."""
        parts = self.qkv(hidden).view(*hidden.shape[:2], 3, self.heads, -1)  # (B, N, 3D) -> (B, N, 3, H, K)
        query, key, value = parts.permute(2, 0, 3, 1, 4).unbind()  # 3 times (B, H, N, K)
        query = query.to(keys.dtype)
        keys, values = places.write(keys, key), places.write(values, value)  # (B, H, E, K)
        if places.shared:
            mixed = attend_with_shared_prefix(query, keys, values, places)
        else:
            mixed = functional.scaled_dot_product_attention(
                query, keys, values, attn_mask=places.mask, is_causal=places.causal
            )
        joined = mixed.transpose(1, 2).flatten(2)  # (B, H, N, K) -> (B, N, D)
        return self.out(joined.to(hidden.dtype))  # type: ignore[no-any-return]


def attend_with_shared_prefix(query: Tensor, keys: Tensor, values: Tensor, places: Places) -> Tensor:
    """Attention of one new position in each row, (B, H, 1, K), where the first P keys and values are alike.

    The shared prefix is read from the first row, with the queries of all rows side by side; the rest is read
    row by row. Each part has a softmax of its own, and the two are weighted by their divisors.
    """
    attend = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
    side_by_side = query.permute(2, 1, 0, 3)  # (B, H, 1, K) -> (1, H, B, K)
    first, rest = slice(None, places.shared), slice(places.shared, None)
    alike, alike_sum = attend(
        side_by_side, keys[:1, :, first], values[:1, :, first]
    )  # (1, H, B, K), (1, H, B)
    own, own_sum = attend(query, keys[:, :, rest], values[:, :, rest], attn_mask=places.mask)
    share = torch.sigmoid(alike_sum.permute(2, 1, 0) - own_sum)[..., None]  # (B, H, 1, 1)
    return torch.lerp(own, alike.permute(2, 1, 0, 3), share.to(own.dtype))  # (B, H, 1, K)


class MLP(nn.Module):
    """Two linear layers around the tanh form of GELU (`gelu_new`)."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        self.up = Dense(config.width, MLP_WIDENING * config.width, "gelu_tanh")
        self.down = nn.Linear(MLP_WIDENING * config.width, config.width)

    def forward(self, hidden: Tensor) -> Tensor:
        """(B, N, D) to (B, N, D)."""
        return self.down(self.up(hidden))  # type: ignore[no-any-return]
