"""CPU time and memory of the process that does the work, and how busy the machine is besides."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

YARDSTICK_STEPS = 200_000
"""Of the loop in `yardstick`: 5 to 10 ms on a machine of today that has nothing else to do."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Of one process."""

    cpu_seconds: float
    """Used since it began."""
    memory_mb: float
    """Resident now."""


def usage_of(pid: int | None) -> Usage | None:
    """None for a process that cannot be seen: on another machine, or gone."""
    if pid is None:
        return None
    import psutil  # an optional package, which the command checks for

    try:
        process = psutil.Process(pid)
        times = process.cpu_times()
        memory = process.memory_info().rss / 1e6
    except psutil.Error:
        return None
    if pid == os.getpid():  # known more finely than the 10 ms of the system's table
        return Usage(time.process_time(), memory)
    return Usage(times.user + times.system, memory)


def yardstick() -> float:
    """Seconds that always the same piece of work takes, now."""
    began = time.perf_counter()
    total = 0
    for number in range(YARDSTICK_STEPS):
        total += number
    return time.perf_counter() - began
