"""CUDA graphs: a recorded computation is repeated without starting each operation from Python.

On other devices the computation simply runs again, with the same results.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

WARM_UPS = 2
"""Runs before a recording, as libraries allocate what they need at first use."""
_recording = threading.Lock()
"""Held by the thread that records, as all recordings use one stream."""


class GraphRecorder:
    """Records computations on one device. They share memory, so only one of them may run at a time."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._pool = torch.cuda.graph_pool_handle() if device.type == "cuda" else None

    def record(self, work: Callable[[], Tensor]) -> Callable[[], Tensor]:
        """Record `work`, whose shapes and tensors must not change; returns a function that repeats it.

        Each repetition overwrites the result of the one before. Other threads may compute meanwhile.
        """
        if self._device.type != "cuda":
            return work
        with _recording:
            return self._capture(work)

    def _capture(self, work: Callable[[], Tensor]) -> Callable[[], Tensor]:
        usual, side_stream = torch.cuda.current_stream(self._device), _capture_stream(self._device)
        side_stream.wait_stream(usual)
        with torch.cuda.stream(side_stream):
            for _ in range(WARM_UPS):
                work()
        usual.wait_stream(side_stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool, stream=side_stream, capture_error_mode="thread_local"):
            result = work()

        def replay() -> Tensor:
            graph.replay()
            return result

        return replay


@cache
def _capture_stream(device: torch.device) -> torch.cuda.Stream:
    """The one stream of all recordings, as cuBLAS keeps 33 MB for each stream in which it was used."""
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
