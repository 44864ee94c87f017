"""Who speaks next on an engine: a counting lock with an order of its own."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable

import anyio
import anyio.lowlevel


class SlotQueue:
    """Hands out an engine's slots, newcomers ahead of those who are speaking already.

    A later segment yields to every first segment that arrives within `patience` seconds after it, so a
    long book does not hold up a short sentence, and a stream of short sentences does not starve the book.
    """

    def __init__(
        self, slots: int, *, patience: float = 2.0, clock: Callable[[], float] = anyio.current_time
    ) -> None:
        self.slots = slots
        self.taken = 0
        self._patience = patience
        self._clock = clock
        self._order = itertools.count()
        self._waiting: list[tuple[float, int, _Turn]] = []
        self.waiting = 0
        """How many wait for a slot."""
        self.newcomers = 0
        """How many of them wait with their first segment."""

    async def acquire(self, *, first: bool) -> None:
        """Wait for a slot and take it; `first` for the first segment of a request."""
        await anyio.lowlevel.checkpoint_if_cancelled()
        if self.taken < self.slots and not self.waiting:
            self.taken += 1
            return
        turn = _Turn(first=first)
        self._count(turn, 1)
        due = self._clock() + (0.0 if first else self._patience)
        heapq.heappush(self._waiting, (due, next(self._order), turn))
        try:
            await turn.granted.wait()
        except BaseException:
            if turn.granted.is_set():
                self.release()
            else:
                turn.gone = True
                self._count(turn, -1)
            raise

    def release(self) -> None:
        """Give a slot back; it is passed on without becoming free, so that nobody jumps the line."""
        while self._waiting:
            _, _, turn = heapq.heappop(self._waiting)
            if not turn.gone:
                self._count(turn, -1)
                turn.granted.set()
                return
        self.taken -= 1

    def _count(self, turn: _Turn, change: int) -> None:
        self.waiting += change
        if turn.first:
            self.newcomers += change


class _Turn:
    def __init__(self, *, first: bool) -> None:
        self.first = first
        self.granted = anyio.Event()
        self.gone = False
