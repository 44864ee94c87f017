"""CUDA graphs: what was computed once is computed again without a call for each operation.

Elsewhere than on CUDA it is computed anew each time, with the same results.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

REHEARSALS = 2
"""Before a recording: libraries allocate what they need at first use."""
_turn = threading.Lock()
"""One thread records at a time, as all do it in one stream."""


class Recorder:
    """Records for one device. What it has recorded shares memory, so that one thing runs after the other."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._pool = torch.cuda.graph_pool_handle() if device.type == "cuda" else None

    def recorded(self, work: Callable[[], Tensor]) -> Callable[[], Tensor]:
        """The same as `work`, whose shapes and tensors must stay what they are; other threads may go on.

        What it gives is overwritten the next time.
        """
        if self._device.type != "cuda":
            return work
        with _turn:
            return self._replayed(work)

    def _replayed(self, work: Callable[[], Tensor]) -> Callable[[], Tensor]:
        usual, beside = torch.cuda.current_stream(self._device), _beside(self._device)
        beside.wait_stream(usual)
        with torch.cuda.stream(beside):
            for _ in range(REHEARSALS):
                work()
        usual.wait_stream(beside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool, stream=beside, capture_error_mode="thread_local"):
            result = work()

        def replay() -> Tensor:
            graph.replay()
            return result

        return replay


@cache
def _beside(device: torch.device) -> torch.cuda.Stream:
    """The stream of all recordings: cuBLAS keeps 33 MB for each one that it was ever used in."""
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
