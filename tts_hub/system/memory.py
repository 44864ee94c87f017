"""The memory of this process: how much it is, and what was freed given back to the system."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path


def give_back_memory() -> None:
    """Return freed memory to the system, in a few milliseconds, where the C library (glibc) keeps it."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def resident_bytes() -> int | None:
    """The memory of this process now, or its peak where the system says no more; None on Windows."""
    statm = Path("/proc/self/statm")
    try:
        import resource
    except ImportError:
        return None
    if statm.exists():
        return int(statm.read_text(encoding="ascii").split()[1]) * resource.getpagesize()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
