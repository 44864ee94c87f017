"""Steps of T3 that are recorded: 24 layers are some 500 small operations, which a GPU finishes sooner than
Python can ask for them.

A step is always one of all rows, also where only some of them are taken: products of another shape are
rounded differently, and then a seed would say something else in company.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from tts_hub.errors import GenerationError
from tts_hub_chatterbox.nets.cuda_graphs import GraphRecorder
from tts_hub_chatterbox.nets.kv_cache import KVCache
from tts_hub_chatterbox.nets.t3 import T3

COLUMNS = 256
"""Columns of the cache that count in a step come in multiples of this."""


class RecordedSteps:
    """Steps of the first rows of one cache."""

    def __init__(self, t3: T3, cache: KVCache) -> None:
        self._t3 = t3
        self._cache = cache
        rows, device = len(cache.lengths), cache.keys.device
        self._tokens = torch.zeros(rows, dtype=torch.int64, device=device)
        self._lengths = torch.zeros(rows, dtype=torch.int64, device=device)
        self._recorder = GraphRecorder(device)
        self._steps: dict[int, Callable[[], Tensor]] = {}
        """By the columns that count."""

    def record_all(self) -> None:
        """Every shape beforehand; the rows must be free."""
        self._lengths.zero_()
        for end in range(COLUMNS, self._cache.capacity + COLUMNS, COLUMNS):
            self._step_among(min(end, self._cache.capacity))()

    def step(self, tokens: Tensor) -> Tensor:
        """Append one token to each of the first rows: (B,) to logits (B, V), float32.

        Raises:
            GenerationError: the cache is full; it is as before then.
        """
        count, capacity = len(tokens), self._cache.capacity
        longest = int(self._cache.lengths[:count].max())
        if longest >= capacity:
            raise GenerationError(
                f"{longest + 1} positions of text and speech are more than the {capacity} there is room for",
                backend="chatterbox",
            )
        self._tokens[:count] = tokens
        # Rows beside them are free: they are taken for empty, and what is written there is overwritten.
        self._lengths.zero_()
        self._lengths[:count] = self._cache.lengths[:count].to(self._lengths.device)
        work = self._step_among(min(-(-(longest + 1) // COLUMNS) * COLUMNS, capacity))
        logits = work()[:count].clone()
        self._cache.lengths[:count] += 1
        return logits

    def _step_among(self, end: int) -> Callable[[], Tensor]:
        """What computes a step among so many columns from the tokens and lengths as they are then."""
        if end not in self._steps:
            self._steps[end] = self._recorder.record(
                lambda: self._t3.step_at(self._tokens, self._lengths, end, self._cache)
            )
        return self._steps[end]
