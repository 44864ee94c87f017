"""Decode steps of T3 as recorded CUDA graphs.

The 24 layers are some 500 small operations, which a GPU finishes faster than Python can start them. A step
always computes all rows, also where only some are in use: products of another shape are rounded differently,
so the same seed would give other tokens when other rows are in the batch.
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
"""Steps are recorded for multiples of so many columns of the cache."""


class RecordedSteps:
    """Steps for the first rows of one cache."""

    def __init__(self, t3: T3, cache: KVCache) -> None:
        self._t3 = t3
        self._cache = cache
        rows, device = len(cache.lengths), cache.keys.device
        self._tokens = torch.zeros(rows, dtype=torch.int64, device=device)
        self._lengths = torch.zeros(rows, dtype=torch.int64, device=device)
        self._recorder = GraphRecorder(device)
        self._steps: dict[int, Callable[[], Tensor]] = {}
        """Recorded steps by the number of columns that they read."""

    def record_all(self) -> None:
        """Record every shape; the rows must be free."""
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
        # The other rows are free. They count as empty, and what is written there is overwritten later.
        self._lengths.zero_()
        self._lengths[:count] = self._cache.lengths[:count].to(self._lengths.device)
        work = self._step_among(min(-(-(longest + 1) // COLUMNS) * COLUMNS, capacity))
        logits = work()[:count].clone()
        self._cache.lengths[:count] += 1
        return logits

    def _step_among(self, end: int) -> Callable[[], Tensor]:
        """A function that computes a step over the first `end` columns from the current inputs."""
        if end not in self._steps:
            self._steps[end] = self._recorder.record(
                lambda: self._t3.step_at(self._tokens, self._lengths, end, self._cache)
            )
        return self._steps[end]
