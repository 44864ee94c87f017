"""Which segment gets the next slot of an engine: a counting lock with an order of its own."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import anyio
import anyio.lowlevel


class SlotQueue:
    """Hands out an engine's slots, first segments of requests ahead of later ones.

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
        self._waiting: list[tuple[float, int, _Waiter]] = []
        self.waiting = 0
        """How many wait for a slot."""
        self.waiting_first = 0
        """How many of them wait with the first segment of their request."""

    def resize(self, slots: int) -> None:
        """Have another number of slots; those that are out stay out until they are given back."""
        self.slots = slots
        while self.taken < self.slots and self.waiting:
            self.taken += 1
            self.release()

    async def acquire(self, *, first: bool) -> None:
        """Wait for a slot and take it; `first` for the first segment of a request."""
        await anyio.lowlevel.checkpoint_if_cancelled()
        if self.taken < self.slots and not self.waiting:
            self.taken += 1
            return
        waiter = _Waiter(first=first)
        self._count(waiter, 1)
        due = self._clock() + (0.0 if first else self._patience)
        heapq.heappush(self._waiting, (due, next(self._order), waiter))
        try:
            await waiter.granted.wait()
        except BaseException:
            if waiter.granted.is_set():
                self.release()
            else:
                waiter.gone = True
                self._count(waiter, -1)
            raise

    def release(self) -> None:
        """Give a slot back. It passes to the next in line without becoming free in between."""
        while self._waiting and self.taken <= self.slots:
            _, _, waiter = heapq.heappop(self._waiting)
            if not waiter.gone:
                self._count(waiter, -1)
                waiter.granted.set()
                return
        self.taken -= 1

    def _count(self, waiter: _Waiter, change: int) -> None:
        self.waiting += change
        if waiter.first:
            self.waiting_first += change


class _Waiter:
    def __init__(self, *, first: bool) -> None:
        self.first = first
        self.granted = anyio.Event()
        self.gone = False


class Turn:
    """A slot that is held, and can be given to others for a while."""

    def __init__(self, slots: SlotQueue, suspendable: int, suspended: set[Turn]) -> None:
        self._slots = slots
        self._suspendable = suspendable
        self._suspended = suspended
        self._held = True

    @property
    def is_wanted(self) -> bool:
        """The first segment of a request waits for a slot, and the engine can suspend this one."""
        return self._slots.waiting_first > 0 and len(self._suspended) < self._suspendable

    @asynccontextmanager
    async def suspended(self) -> AsyncGenerator[None, None]:
        """Leave the slot to others inside, if the engine can do that, and wait for one again afterwards."""
        if len(self._suspended) >= self._suspendable:
            yield
            return
        self._suspended.add(self)
        try:
            self.end()
            yield
            await self._slots.acquire(first=False)
            self._held = True
        finally:
            self._suspended.discard(self)

    def end(self) -> None:
        """Give the slot back, if it is held."""
        if self._held:
            self._held = False
            self._slots.release()
