"""The time in which engines were at work for a request."""

from __future__ import annotations

import anyio


class BusyClock:
    """Counts the time in which at least one of its users was inside."""

    def __init__(self) -> None:
        self._inside = 0
        self._since = 0.0
        self._total = 0.0

    @property
    def seconds(self) -> float:
        """The time counted so far."""
        return self._total + (anyio.current_time() - self._since if self._inside else 0.0)

    def __enter__(self) -> None:
        if not self._inside:
            self._since = anyio.current_time()
        self._inside += 1

    def __exit__(self, *exc: object) -> None:
        self._inside -= 1
        if not self._inside:
            self._total += anyio.current_time() - self._since
