"""What a figure was measured on: the processor, and what it and its memory can do at this moment."""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

FLAGS = ("avx2", "avx512f", "avx512_bf16", "avx512_fp16", "avx512_vnni", "amx_bf16", "amx_int8")
"""Instructions that decide how fast the nets are."""
GIGABYTE = 1_000_000_000
MATRIX = 2_048
TRIES = 3


@dataclass(frozen=True, slots=True)
class Yardsticks:
    """How fast the machine is just now, with the threads that torch has."""

    gigabytes_per_second: float
    """Read from memory, by a sum over 1 GB."""
    gflops: float
    """Speed of a float32 matrix product, in 10^9 operations a second."""

    @classmethod
    def measured(cls) -> Yardsticks:
        """The best of some tries, within a second or two."""
        numbers = torch.ones(GIGABYTE // 4)
        matrix = torch.ones(MATRIX, MATRIX)
        return cls(1 / _best(numbers.sum), 2 * MATRIX**3 / 1e9 / _best(lambda: matrix @ matrix))

    def __str__(self) -> str:
        return (
            f"memory read at {self.gigabytes_per_second:.0f} GB/s, "
            f"float32 matrix products at {self.gflops:.0f} GFLOP/s"
        )


def machine() -> str:
    """The processor, its threads and torch, in words."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    known = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    flags = set(known.get("flags", "").split())
    there = [flag for flag in FLAGS if flag in flags]
    missing = [flag for flag in FLAGS if flag not in flags]
    return (
        f"{known.get('model name', platform.processor() or platform.machine())}, "
        f"{torch.get_num_threads()} threads, torch {torch.__version__}; "
        f"has {', '.join(there) or 'none'} and lacks {', '.join(missing) or 'none'} of what was looked for"
    )


def say(line: str) -> None:
    """Write a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _best(work: Callable[[], object]) -> float:
    """Seconds of the fastest run."""
    times = []
    for _ in range(TRIES):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times)
