"""Steps of T3 as CUDA graphs: recorded once for each shape, then replayed without a call for each operation.

A step of 24 layers is some 500 small operations, which a GPU finishes sooner than Python can ask for them.
Elsewhere than on CUDA the same steps are computed anew each time, with the same results.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from tts_hub.errors import GenerationError
from tts_hub_chatterbox.nets.gpt2 import KVCache
from tts_hub_chatterbox.nets.t3 import T3

COLUMNS = 256
"""Columns of the cache that count in a step come in multiples of this, rows in powers of two."""
REHEARSALS = 2
"""Before a recording: libraries allocate what they need at first use."""


class RecordedSteps:
    """Steps of the first rows of one cache."""

    def __init__(self, t3: T3, cache: KVCache) -> None:
        self._t3 = t3
        self._cache = cache
        rows, device = len(cache.lengths), cache.keys.device
        self._tokens = torch.zeros(rows, dtype=torch.int64, device=device)
        self._lengths = torch.zeros(rows, dtype=torch.int64, device=device)
        self._steps: dict[tuple[int, int], Callable[[], Tensor]] = {}
        self._pool = torch.cuda.graph_pool_handle() if device.type == "cuda" else None

    def record_all(self) -> None:
        """Every shape beforehand; the rows must be free."""
        rows, capacity = len(self._lengths), self._cache.capacity
        self._lengths.zero_()
        for power in range((rows - 1).bit_length() + 1):
            for end in range(COLUMNS, capacity + COLUMNS, COLUMNS):
                shape = min(1 << power, rows), min(end, capacity)
                if shape not in self._steps:
                    self._steps[shape] = self._recording(*shape)
                self._steps[shape]()

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
        rows = min(1 << (count - 1).bit_length(), len(self._lengths))
        end = min(-(-(longest + 1) // COLUMNS) * COLUMNS, capacity)
        self._tokens[:count] = tokens
        # Rows beside them are free: they are taken for empty, and what is written there is overwritten.
        self._lengths.zero_()
        self._lengths[:count] = self._cache.lengths[:count].to(self._lengths.device)
        if (rows, end) not in self._steps:
            self._steps[rows, end] = self._recording(rows, end)
        logits = self._steps[rows, end]()[:count].clone()
        self._cache.lengths[:count] += 1
        return logits

    def _recording(self, rows: int, end: int) -> Callable[[], Tensor]:
        """What computes a step of one shape from the tokens and lengths as they are then."""

        def work() -> Tensor:
            cache = self._cache.rows(0, rows)
            return self._t3.step_at(self._tokens[:rows], self._lengths[:rows], end, cache)

        return _recorded(work, self._pool) if self._tokens.is_cuda else work


def _recorded(work: Callable[[], Tensor], pool: Any) -> Callable[[], Tensor]:
    """The recordings share a pool of memory, as they run one after the other; other threads may go on."""
    beside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    beside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(beside):
        for _ in range(REHEARSALS):
            work()
    torch.cuda.current_stream().wait_stream(beside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, pool=pool, capture_error_mode="thread_local"):
        logits = work()

    def replay() -> Tensor:
        graph.replay()
        return logits

    return replay
