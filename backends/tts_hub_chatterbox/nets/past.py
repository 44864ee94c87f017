"""The memory of earlier frames in a causal net, so that later frames need not compute them again.

In one half of the encoder the frames are tokens; the memory is the same.

B batch, F present frames, P earlier frames, C channels, H heads, K width of a head
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

EDGE = 2
"""How many frames, or tokens, a convolution looks back."""


@dataclass(frozen=True, slots=True, eq=False)
class Memory:
    """The memory of one pass through a net, in the order in which the pass reached its layers."""

    edges: tuple[Tensor, ...]
    """For each convolution (B, 2, C): the last frames that it read."""
    keys: tuple[Tensor, ...]
    """For each attention layer (B, H, P, K)."""
    values: tuple[Tensor, ...]
    """For each attention layer (B, H, P, K)."""

    @property
    def frames(self) -> int:
        """P, the number of frames."""
        return self.keys[0].shape[2]

    @property
    def nbytes(self) -> int:
        """Bytes of the tensors."""
        return sum(tensor.nbytes for tensor in (*self.edges, *self.keys, *self.values))

    def after(self, earlier: Memory | None, most: int) -> Memory:
        """A copy of the memory of the last `most` frames, of an earlier memory and this one."""
        pieces = [self] if earlier is None else [earlier, self]
        keys = _latest(most, *(piece.keys for piece in pieces))
        return Memory(self.edges, keys, _latest(most, *(piece.values for piece in pieces)))


class Past:
    """The past of one pass: memories of earlier frames, oldest first, or none.

    The layers read them in the net's order, and record the memory of the present frames here.
    """

    def __init__(self, *memories: Memory) -> None:
        self.before = sum(memory.frames for memory in memories)
        """P, the number of earlier frames."""
        self._edges: Iterator[Tensor] = iter(memories[-1].edges if memories else ())
        self._attended = zip(*(zip(one.keys, one.values, strict=True) for one in memories), strict=True)
        self._remembers = bool(memories)
        self._read: list[Tensor] = []
        self._keys: list[Tensor] = []
        self._values: list[Tensor] = []

    def prepend_edge(self, x: Tensor) -> Tensor:
        """Add what a convolution looks back to: (B, F, C) -> (B, 2 + F, C); zeros before the beginning."""
        before = next(self._edges) if self._remembers else x.new_zeros(1, EDGE, x.shape[2])
        joined = torch.cat((before.expand(len(x), -1, -1), x), dim=1)
        self._read.append(joined[:, -EDGE:].clone())
        return joined

    def prepend_keys(self, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Add earlier keys and values of a layer: (B, H, F, K) twice -> (B, H, P + F, K) twice."""
        self._keys.append(key)
        self._values.append(value)
        if not self._remembers:
            return key, value
        before = next(self._attended)
        keys, values = zip(*before, (key, value), strict=True)
        return _join(keys, len(key)), _join(values, len(key))

    def memory(self) -> Memory:
        """The memory of the present frames, after the pass."""
        return Memory(tuple(self._read), tuple(self._keys), tuple(self._values))


def _join(pieces: tuple[Tensor, ...], batch: int) -> Tensor:
    """(1 or B, H, any, K) each -> (B, H, all, K)."""
    return torch.cat([piece.expand(batch, -1, -1, -1) for piece in pieces], dim=2)


def _latest(most: int, *pieces: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """The last frames of each layer's pieces: (B, H, any, K) each -> (B, H, up to `most`, K)."""
    return tuple(_last(torch.cat(of_layer, dim=2), most) for of_layer in zip(*pieces, strict=True))


def _last(joined: Tensor, most: int) -> Tensor:
    latest = joined[:, :, max(0, joined.shape[2] - most) :]
    return latest.clone(memory_format=torch.contiguous_format)
