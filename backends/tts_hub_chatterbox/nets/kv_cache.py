"""The KV cache of GPT-2: keys and values of earlier positions, and where new ones go.

B batch (rows), N new positions, C capacity of the cache, E filled positions of the longest row,
P positions that all rows have in common, H heads, K width of a head
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tts_hub.errors import GenerationError
from tts_hub_chatterbox.nets.gpt2_config import GPT2Config

ALIGNMENT = 64
"""Bytes of a line of the cache, where torch's own memory begins."""


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
