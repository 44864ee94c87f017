"""What frames leave behind in a causal net, so that those that follow need not compute them again.

Half of the encoder takes tokens for frames; all the same here.

B batch, F frames now, P frames before, C channels, H heads, K width of a head
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

EDGE = 2
"""Frames, or tokens, that a convolution looks back."""


@dataclass(frozen=True, slots=True, eq=False)
class Memory:
    """Of one walk through a net, in the order in which the walk came by."""

    edges: tuple[Tensor, ...]
    """Per convolution (B, 2, C): the last frames that it read."""
    keys: tuple[Tensor, ...]
    """Per layer (B, H, P, K)."""
    values: tuple[Tensor, ...]
    """As the keys."""

    @property
    def frames(self) -> int:
        """P."""
        return self.keys[0].shape[2]

    @property
    def nbytes(self) -> int:
        """Memory of the tensors."""
        return sum(tensor.nbytes for tensor in (*self.edges, *self.keys, *self.values))

    def after(self, earlier: Memory | None, most: int) -> Memory:
        """The last `most` frames of what came before these and of these, as a copy."""
        pieces = [self] if earlier is None else [earlier, self]
        keys = _latest(most, *(piece.keys for piece in pieces))
        return Memory(self.edges, keys, _latest(most, *(piece.values for piece in pieces)))


class Past:
    """The way of one walk past the memories of what came before, oldest first, if there are any.

    It hands them out in the net's order and writes down what the frames of now leave behind.
    """

    def __init__(self, *memories: Memory) -> None:
        self.before = sum(memory.frames for memory in memories)
        """P."""
        self._edges: Iterator[Tensor] = iter(memories[-1].edges if memories else ())
        self._attended = zip(*(zip(one.keys, one.values, strict=True) for one in memories), strict=True)
        self._remembers = bool(memories)
        self._read: list[Tensor] = []
        self._keys: list[Tensor] = []
        self._values: list[Tensor] = []

    def prepend_edge(self, x: Tensor) -> Tensor:
        """What a convolution reads: (B, F, C) -> (B, 2 + F, C). Zeros lie before the beginning."""
        before = next(self._edges) if self._remembers else x.new_zeros(1, EDGE, x.shape[2])
        joined = torch.cat((before.expand(len(x), -1, -1), x), dim=1)
        self._read.append(joined[:, -EDGE:].clone())
        return joined

    def prepend_keys(self, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """What a layer attends to: (B, H, F, K) twice -> (B, H, P + F, K) twice."""
        self._keys.append(key)
        self._values.append(value)
        if not self._remembers:
            return key, value
        before = next(self._attended)
        keys, values = zip(*before, (key, value), strict=True)
        return _join(keys, len(key)), _join(values, len(key))

    def memory(self) -> Memory:
        """Of the frames of now, after the walk."""
        return Memory(tuple(self._read), tuple(self._keys), tuple(self._values))


def _join(pieces: tuple[Tensor, ...], batch: int) -> Tensor:
    """(1 or B, H, any, K) each -> (B, H, all, K)."""
    return torch.cat([piece.expand(batch, -1, -1, -1) for piece in pieces], dim=2)


def _latest(most: int, *pieces: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Of each layer the last frames of its pieces: (B, H, any, K) each -> (B, H, up to `most`, K)."""
    return tuple(_last(torch.cat(of_layer, dim=2), most) for of_layer in zip(*pieces, strict=True))


def _last(joined: Tensor, most: int) -> Tensor:
    latest = joined[:, :, max(0, joined.shape[2] - most) :]
    return latest.clone(memory_format=torch.contiguous_format)
