"""Waiting for something to become true, on a machine of any speed."""

from __future__ import annotations

import time
from collections.abc import Callable

import anyio

WITHIN = 60.0
"""Seconds within which an awaited condition has to become true; only a fault takes that long."""


async def until(holds: Callable[[], object], *, within: float = WITHIN) -> None:
    """Wait until `holds()` is true.

    Raises:
        TimeoutError: it does not become true.
    """
    with anyio.fail_after(within):
        while not holds():
            await anyio.sleep(0.005)


def until_in_thread(holds: Callable[[], object], *, within: float = WITHIN) -> None:
    """Wait until `holds()` is true, where no event loop runs.

    Raises:
        TimeoutError: it does not become true.
    """
    limit = time.monotonic() + within
    while not holds():
        if time.monotonic() > limit:
            raise TimeoutError("it never became true")
        time.sleep(0.005)
