"""CPU time and memory of the process that does the work."""

from __future__ import annotations

from dataclasses import dataclass


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
    import psutil

    try:
        process = psutil.Process(pid)
        times = process.cpu_times()
        memory = process.memory_info().rss / 1e6
    except psutil.Error:
        return None
    return Usage(times.user + times.system, memory)
