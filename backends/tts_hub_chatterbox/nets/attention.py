"""Attention of queries to keys, computed in the fastest way for their number type.

B batch, H heads, F queries, N keys, K width of a head
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor

HALVES = (torch.bfloat16, torch.float16)


def attend(query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None = None) -> Tensor:
    """Scaled dot-product attention: (B, H, F, K), (B, H, N, K) twice -> (B, H, F, K).

    `bias` broadcasts to (B, H, F, N). It is added to the scaled scores, or as bool true for keys that count.
    """
    if query.dtype in HALVES and query.device.type == "cpu" and not torch.cpu._is_amx_tile_supported():
        # The fused attention is made for matrix units, and without them slower than in float32.
        return _by_products(query, key, value, bias)
    return F.scaled_dot_product_attention(query, key, value, attn_mask=bias)


def _by_products(query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None) -> Tensor:
    scores = query * query.shape[-1] ** -0.5 @ key.transpose(2, 3)  # (B, H, F, N)
    if bias is not None:
        scores = scores.masked_fill(~bias, -torch.inf) if bias.dtype == torch.bool else scores.add_(bias)
    mixed: Tensor = scores.softmax(dim=-1) @ value  # (B, H, F, K)
    return mixed
