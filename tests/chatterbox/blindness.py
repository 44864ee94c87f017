"""Whole rows in which attention sees no more than it does in passes that remember what came before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from unittest.mock import patch

import torch
import torch.nn.functional as F
from torch import Tensor


@contextmanager
def blind_to_what_follows(length: int, *borders: int, most: int | None = None) -> Iterator[None]:
    """Inside, no place before a border attends to one behind it, nor further back than `most` from its piece.

    Rows have so many places, or several frames of each.
    """
    seen, attend = _seen(length, borders, length if most is None else most), F.scaled_dot_product_attention

    def attend_backwards(
        query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None
    ) -> Tensor:
        rate = query.shape[2] // length
        blind = ~seen.repeat_interleave(rate, dim=0).repeat_interleave(rate, dim=1)
        bias = torch.zeros(blind.shape) if attn_mask is None else attn_mask
        return attend(query, key, value, attn_mask=bias.masked_fill(blind, -torch.inf))

    with patch.object(F, "scaled_dot_product_attention", attend_backwards):
        yield


def _seen(length: int, borders: Sequence[int], most: int) -> Tensor:
    """(T, T) by query and key."""
    seen = torch.zeros(length, length, dtype=torch.bool)
    for start, end in pairwise((0, *borders, length)):
        seen[start:end, max(0, start - most) : end] = True
    return seen
