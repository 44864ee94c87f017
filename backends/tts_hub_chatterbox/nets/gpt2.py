"""GPT-2 without its vocabulary (Radford et al. 2019): embeddings in, hidden states out, all state in a cache.

B batch (rows), N new positions, C capacity of the cache, E filled positions of the longest row,
P positions that all rows have in common, D width, H heads, K width of a head
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from tts_hub.errors import GenerationError
from tts_hub_chatterbox.nets.dense import Dense

if TYPE_CHECKING:
    from tts_hub_chatterbox.nets.gpt2_steps import FastSteps

MLP_WIDENING = 4
LAYER_NORM_EPS = 1e-5
ALIGNMENT = 64
"""Bytes of a line of the cache, where torch's own memory begins."""


@dataclass(frozen=True, slots=True)
class GPT2Config:
    """The sizes of GPT-2 medium, but for the context."""

    layers: int = 24
    width: int = 1024
    heads: int = 16
    context: int = 8196
    """Positions there are embeddings for."""


GPT2_MEDIUM = GPT2Config()
GPT2_SMALL = GPT2Config(layers=12, width=768, heads=12)


@dataclass(frozen=True, slots=True, eq=False)
class KVCache:
    """Keys and values of every layer for B rows, which may join, leave and differ in length.

    Rows of one length are the fast case; several lengths cost a mask. A row joins by being prefilled alone
    through `rows(i, i + 1)`.
    """

    keys: Tensor
    """(layers, B, H, C, K), all finite: what a mask hides must not be NaN."""
    values: Tensor
    """(layers, B, H, C, K), as the keys."""
    lengths: Tensor
    """(B,) int64 on the CPU: filled positions of each row."""

    @classmethod
    def empty(
        cls,
        config: GPT2Config,
        *,
        batch: int = 1,
        capacity: int | None = None,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> KVCache:
        """Room for `batch` rows of `capacity` positions, at most and by default those of the context."""
        positions = config.context if capacity is None else min(capacity, config.context)
        shape = (config.layers, batch, config.heads, positions, config.width // config.heads)
        return cls(
            keys=_zeros(shape, dtype, torch.device(device)),
            values=_zeros(shape, dtype, torch.device(device)),
            lengths=torch.zeros(batch, dtype=torch.int64, device="cpu"),
        )

    @property
    def capacity(self) -> int:
        """Positions a row has room for."""
        return self.keys.shape[3]

    def rows(self, start: int, stop: int) -> KVCache:
        """Some of the rows, as a view: what happens to it happens to this cache."""
        return KVCache(self.keys[:, start:stop], self.values[:, start:stop], self.lengths[start:stop])

    def clear(self) -> None:
        """Empty all rows. What they held is wiped, since NaN of a failed request would get past a mask."""
        end = int(self.lengths.max()) + 1  # with what a step that failed has left behind
        self.keys[:, :, :, :end].zero_()
        self.values[:, :, :, :end].zero_()
        self.lengths.zero_()

    def copy_from(self, other: KVCache) -> None:
        """Take over the rows of another cache, or its only one for all: a moving row, or a voice's prefix.

        The position embeddings are absolute, so a prefix of the same inputs is the same in every row.
        """
        self.clear()
        end = int(other.lengths.max())
        self.keys[:, :, :, :end] = other.keys[:, :, :, :end]
        self.values[:, :, :, :end] = other.values[:, :, :, :end]
        self.lengths[:] = other.lengths


def _zeros(shape: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """On the CPU of memory that is taken only where it is written to; `torch.zeros` writes to all of it."""
    if device.type != "cpu":
        return torch.zeros(shape, dtype=dtype, device=device)
    size = math.prod(shape) * dtype.itemsize
    raw = np.zeros(size + ALIGNMENT, np.uint8)
    begin = -raw.ctypes.data % ALIGNMENT
    return torch.from_numpy(raw[begin : begin + size]).view(dtype).view(shape)


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Where new positions go in a cache and what they may look at; the same for all layers."""

    start: int | None
    """Of all rows, None when they differ."""
    end: int
    """Filled positions of the longest row afterwards."""
    positions: Tensor
    """(1 or B, N) int64 on the cache's device."""
    mask: Tensor | None
    """(1 or B, 1, N, E - P), to be added to the scores; None when `causal` says it all."""
    causal: bool
    shared: int = 0
    """P; above 0, what all rows begin with is read once for all of them."""

    @classmethod
    def after(cls, cache: KVCache, new: int, shared: int = 0) -> Places:
        """Of `new` positions in every row; `shared` only where it can be made use of.

        Raises:
            GenerationError: the cache is full.
        """
        if len(cache.lengths) == 1 or new > 1 or cache.keys.device.type != "cpu":
            shared = 0
        shortest, longest = (int(length) for length in torch.aminmax(cache.lengths))
        end = longest + new
        if end > cache.capacity:
            raise GenerationError(
                f"{end} positions of text and speech are more than the {cache.capacity} there is room for",
                backend="chatterbox",
            )
        alike = shortest == longest
        lengths = cache.lengths[:1] if alike else cache.lengths
        device = cache.keys.device
        positions = lengths.to(device)[:, None] + torch.arange(new, device=device)  # (1 or B, N)
        mask = None
        if not alike or (longest > 0 and new > 1):
            columns = torch.arange(shared, end, device=device)
            hidden = columns > positions[:, None, :, None]  # (1 or B, 1, N, E - P)
            mask = torch.zeros(hidden.shape, dtype=cache.keys.dtype, device=device)
            mask.masked_fill_(hidden, -torch.inf)
        causal = mask is None and new > 1
        return cls(longest if alike else None, end, positions, mask, causal, shared)

    @classmethod
    def fixed(cls, lengths: Tensor, end: int, dtype: torch.dtype) -> Places:
        """Of one new position a row behind `lengths` (B,), among the first `end` columns of a cache.

        Nothing of it depends on what the numbers are, only on shapes: such a step can be recorded.
        """
        positions = lengths[:, None]  # (B, 1)
        hidden = torch.arange(end, device=lengths.device) > positions[:, None, :, None]  # (B, 1, 1, E)
        mask = torch.zeros(hidden.shape, dtype=dtype, device=lengths.device)
        return cls(None, end, positions, mask.masked_fill_(hidden, -torch.inf), causal=False)

    def write(self, kept: Tensor, new: Tensor) -> Tensor:
        """Put `new` (B, H, N, K) into one layer's keys or values (B, H, C, K); gives those up to E."""
        if self.start is not None:
            kept.narrow(2, self.start, self.end - self.start).copy_(new)
        else:
            row = torch.arange(len(kept), device=kept.device)[:, None]  # (B, 1)
            kept[row, :, self.positions] = new.transpose(1, 2).to(kept.dtype)  # (B, N, H, K)
        return kept.narrow(2, 0, self.end)


class GPT2(nn.Module):
    """Pre-norm transformer with learned absolute positions."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        self.config = config
        self.position_embedding = nn.Embedding(config.context, config.width)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.final_norm = nn.LayerNorm(config.width, eps=LAYER_NORM_EPS)
        self._steps: FastSteps | None = None

    def prepare(self) -> None:
        """Have steps of one position take a short cut through the layers as they are now.

        Call it again after any change of them.
        """
        from tts_hub_chatterbox.nets.gpt2_steps import FastSteps

        self._steps = FastSteps(self)

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> Self:
        self._steps = None
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return self

    def forward(self, inputs: Tensor, cache: KVCache, shared: int = 0) -> Tensor:
        """Append the embeddings (B, N, D) to the B rows of the cache; gives hidden states (B, N, D).

        Args:
            inputs: (B, N, D).
            cache: of B rows.
            shared: how many positions all rows have begun with alike, so that they are read but once.

        Raises:
            GenerationError: the cache is full; it is as before then.
        """
        hidden = self.at(Places.after(cache, inputs.shape[1], shared), inputs, cache)
        cache.lengths.add_(inputs.shape[1])
        return hidden

    def at(self, places: Places, inputs: Tensor, cache: KVCache) -> Tensor:
        """The same where the places are known; the lengths of the cache stay as they are."""
        if self._steps is not None and inputs.shape[1] == 1:
            return self._steps(places, inputs, cache)
        hidden = inputs + self.position_embedding(places.positions)  # (B, N, D) + (1 or B, N, D)
        for block, keys, values in zip(self.blocks, cache.keys, cache.values, strict=True):
            hidden = block(hidden, keys, values, places)
        return self.final_norm(hidden)  # type: ignore[no-any-return]


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
            mixed = attend_beside_shared(query, keys, values, places)
        else:
            mixed = functional.scaled_dot_product_attention(
                query, keys, values, attn_mask=places.mask, is_causal=places.causal
            )
        joined = mixed.transpose(1, 2).flatten(2)  # (B, H, N, K) -> (B, N, D)
        return self.out(joined.to(hidden.dtype))  # type: ignore[no-any-return]


def attend_beside_shared(query: Tensor, keys: Tensor, values: Tensor, places: Places) -> Tensor:
    """Attention of one new position a row, (B, H, 1, K), where the first P keys and values are alike.

    Those are read from the first row, with the rows as queries side by side; the rest row by row. Each half
    is a softmax of its own, and they are weighed by the sums that they were divided by.
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
