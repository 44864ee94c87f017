"""The KV cache of GPT-2: keys and values of earlier positions, and the places of new ones.

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
"""Bytes; torch's own memory begins at multiples of this, too."""


@dataclass(frozen=True, slots=True, eq=False)
class KVCache:
    """Keys and values of every layer for B rows, which may be added, be freed and differ in length.

    Rows of one length are the fast case; different lengths need a mask. A row is prefilled alone through
    `rows(i, i + 1)`.
    """

    keys: Tensor
    """(layers, B, H, C, K), all finite: masked ones must not be NaN either."""
    values: Tensor
    """(layers, B, H, C, K), finite like the keys."""
    lengths: Tensor
    """(B,) int64 on the CPU: the filled positions of each row."""

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
        """A cache for `batch` rows of `capacity` positions, by default and at most those of the context."""
        positions = config.context if capacity is None else min(capacity, config.context)
        shape = (config.layers, batch, config.heads, positions, config.width // config.heads)
        return cls(
            keys=_zeros(shape, dtype, torch.device(device)),
            values=_zeros(shape, dtype, torch.device(device)),
            lengths=torch.zeros(batch, dtype=torch.int64, device="cpu"),
        )

    @property
    def capacity(self) -> int:
        """The most positions of a row."""
        return self.keys.shape[3]

    def rows(self, start: int, stop: int) -> KVCache:
        """Some of the rows as a view: changes to it change this cache."""
        return KVCache(self.keys[:, start:stop], self.values[:, start:stop], self.lengths[start:stop])

    def clear(self) -> None:
        """Empty all rows. They are filled with zeros, as NaN of a failed request would get past a mask."""
        end = int(self.lengths.max()) + 1  # one more, as a failed step may have written it
        self.keys[:, :, :, :end].zero_()
        self.values[:, :, :, :end].zero_()
        self.lengths.zero_()

    def copy_from(self, other: KVCache) -> None:
        """Copy the rows of another cache, or its only row to all: to move a row, or for a voice's prefix.

        The position embeddings are absolute, so a prefix of the same inputs is the same in every row.
        """
        self.clear()
        end = int(other.lengths.max())
        self.keys[:, :, :, :end] = other.keys[:, :, :, :end]
        self.values[:, :, :, :end] = other.values[:, :, :, :end]
        self.lengths[:] = other.lengths


def _zeros(shape: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Zeros; memory of the CPU is taken only where it is written to, and `torch.zeros` writes all of it."""
    if device.type != "cpu":
        return torch.zeros(shape, dtype=dtype, device=device)
    size = math.prod(shape) * dtype.itemsize
    raw = np.zeros(size + ALIGNMENT, np.uint8)
    begin = -raw.ctypes.data % ALIGNMENT
    return torch.from_numpy(raw[begin : begin + size]).view(dtype).view(shape)


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """The places of new positions in a cache, and the mask of their attention; the same for all layers."""

    start: int | None
    """The first new place, or None if the rows differ."""
    end: int
    """The filled positions of the longest row afterwards."""
    positions: Tensor
    """(1 or B, N) int64 on the cache's device."""
    mask: Tensor | None
    """(1 or B, 1, N, E - P), to be added to the scores; None if `causal` suffices."""
    causal: bool
    shared: int = 0
    """P; above 0, the positions that all rows begin with are read once for all of them."""

    @classmethod
    def after(cls, cache: KVCache, new: int, shared: int = 0) -> Places:
        """The places of `new` positions in every row; `shared` is ignored where it is of no use.

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
        """The places of one new position in each row, at `lengths` (B,) in the first `end` columns.

        The operations depend on shapes alone and not on the numbers, so such a step can be recorded.
        """
        positions = lengths[:, None]  # (B, 1)
        hidden = torch.arange(end, device=lengths.device) > positions[:, None, :, None]  # (B, 1, 1, E)
        mask = torch.zeros(hidden.shape, dtype=dtype, device=lengths.device)
        return cls(None, end, positions, mask.masked_fill_(hidden, -torch.inf), causal=False)

    def write(self, kept: Tensor, new: Tensor) -> Tensor:
        """Write `new` (B, H, N, K) into one layer's keys or values (B, H, C, K); returns those up to E."""
        if self.start is not None:
            kept.narrow(2, self.start, self.end - self.start).copy_(new)
        else:
            row = torch.arange(len(kept), device=kept.device)[:, None]  # (B, 1)
            kept[row, :, self.positions] = new.transpose(1, 2).to(kept.dtype)  # (B, N, H, K)
        return kept.narrow(2, 0, self.end)
