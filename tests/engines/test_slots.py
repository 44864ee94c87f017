"""The order in which an engine's slots are handed out."""

from __future__ import annotations

import anyio
import pytest

from tts_hub.engines.slots import SlotQueue

pytestmark = pytest.mark.anyio


async def take_turns(queue: SlotQueue, arrivals: list[tuple[str, bool, float]]) -> list[str]:
    """Let requests arrive while the only slot is taken; return the order in which they get it."""
    order: list[str] = []
    now = 0.0
    queue._clock = lambda: now

    async def one(name: str, first: bool) -> None:
        await queue.acquire(first=first)
        order.append(name)
        queue.release()

    await queue.acquire(first=True)
    async with anyio.create_task_group() as tasks:
        for name, first, at in arrivals:
            now = at
            tasks.start_soon(one, name, first)
            await anyio.wait_all_tasks_blocked()
        queue.release()
    return order


async def test_first_segments_go_ahead_of_later_ones() -> None:
    arrivals = [("book 2", False, 0.0), ("book 3", False, 0.1), ("new", True, 0.5)]
    assert await take_turns(SlotQueue(1), arrivals) == ["new", "book 2", "book 3"]


async def test_a_stream_of_new_requests_does_not_starve_the_book() -> None:
    arrivals = [("book", False, 0.0), ("new 1", True, 1.0), ("new 2", True, 2.5), ("new 3", True, 3.0)]
    assert await take_turns(SlotQueue(1, patience=2.0), arrivals) == ["new 1", "book", "new 2", "new 3"]


async def test_no_more_than_the_slots_are_taken_at_once() -> None:
    queue, inside, most = SlotQueue(3), 0, 0

    async def one() -> None:
        nonlocal inside, most
        await queue.acquire(first=True)
        inside += 1
        most = max(most, inside)
        await anyio.sleep(0.001)
        inside -= 1
        queue.release()

    async with anyio.create_task_group() as tasks:
        for _ in range(50):
            tasks.start_soon(one)
    assert (most, queue.taken, queue.waiting) == (3, 0, 0)


async def test_a_cancelled_wait_does_not_keep_a_slot() -> None:
    queue = SlotQueue(1)
    await queue.acquire(first=True)
    async with anyio.create_task_group() as tasks:

        async def wait() -> None:
            await queue.acquire(first=True)
            queue.release()

        tasks.start_soon(wait)
        await anyio.wait_all_tasks_blocked()
        queue.release()  # granted and cancelled in the same step
        tasks.cancel_scope.cancel()
    assert (queue.taken, queue.waiting) == (0, 0)
