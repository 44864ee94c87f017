"""CUDA graphs: what was computed once is computed again without a call for each operation.

Elsewhere than on CUDA it is computed anew each time, with the same results.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

WARM_UPS = 2
"""Before a recording: libraries allocate what they need at first use."""
_recording = threading.Lock()
"""One thread records at a time, as all do it in one stream."""


class GraphRecorder:
    """Records for one device. What it has recorded shares memory, so that one thing runs after the other."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._pool = torch.cuda.graph_pool_handle() if device.type == "cuda" else None

    def record(self, work: Callable[[], Tensor]) -> Callable[[], Tensor]:
        """The same as `work`, whose shapes and tensors must stay what they are; other threads may go on.

        What it gives is overwritten the next time.
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
    """The stream of all recordings: cuBLAS keeps 33 MB for each one that it was ever used in."""
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
