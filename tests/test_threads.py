"""The bridge from a producing thread to an async generator."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import aclosing

import anyio
import pytest

from tests.waiting import WITHIN
from tts_hub.threads import Emit, Stopped, iterate_in_thread, stream_from_thread

pytestmark = pytest.mark.anyio


async def test_items_come_in_order_from_another_thread() -> None:
    def produce(emit: Emit[tuple[int, int]]) -> None:
        for number in range(100):
            emit((number, threading.get_ident()))

    items = [item async for item in stream_from_thread(produce)]
    assert [number for number, _ in items] == list(range(100))
    assert threading.get_ident() not in {thread for _, thread in items}


async def test_the_producer_is_only_so_far_ahead() -> None:
    made: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(1000):
            made.append(number)
            yield number

    async with aclosing(iterate_in_thread(numbers, ahead=3)) as stream:
        assert await anext(stream) == 0
        await anyio.sleep(0.05)
        assert len(made) <= 6


async def test_closing_stops_the_producer_and_waits_for_it() -> None:
    ended = threading.Event()

    def produce(emit: Emit[int]) -> None:
        try:
            while True:
                emit(1)
        except Stopped:
            time.sleep(0.02)
            ended.set()
            raise

    stream = stream_from_thread(produce)
    await anext(stream)
    await stream.aclose()
    assert ended.is_set()


async def test_cancelling_the_reader_stops_a_producer_that_gives_nothing_yet() -> None:
    cancelled, stopped = threading.Event(), threading.Event()

    def produce(emit: Emit[int]) -> None:
        cancelled.wait(WITHIN)
        try:
            emit(1)
        except Stopped:
            stopped.set()

    async def read() -> None:
        async with aclosing(stream_from_thread(produce)) as stream:
            async for _ in stream:
                pass

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(read)
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
        threading.Timer(0.05, cancelled.set).start()
    assert stopped.is_set()


async def test_an_exception_comes_out_after_the_items_before_it() -> None:
    def numbers() -> Iterator[int]:
        yield 1
        yield 2
        raise ValueError("three")

    got: list[int] = []
    with pytest.raises(ValueError, match="three"):
        async for number in iterate_in_thread(numbers):
            got.append(number)
    assert got == [1, 2]


async def test_a_thread_that_does_not_end_is_left_behind_and_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("tts_hub.threads.GRACE_SECONDS", 0.05)
    stuck = threading.Event()

    def produce(emit: Emit[int]) -> None:
        emit(1)
        stuck.wait(WITHIN)

    stream = stream_from_thread(produce, name="stuck-engine")
    await anext(stream)
    with anyio.fail_after(WITHIN):
        await stream.aclose()
    assert "stuck-engine did not stop" in caplog.text
    stuck.set()
    for thread in threading.enumerate():
        if thread.name == "stuck-engine":
            await anyio.to_thread.run_sync(thread.join)


async def test_many_streams_at_once_keep_their_items_apart() -> None:
    async def one(number: int) -> None:
        def numbers() -> Iterator[int]:
            yield from (number for _ in range(50))

        assert {item async for item in iterate_in_thread(numbers)} == {number}

    async with anyio.create_task_group() as tasks:
        for number in range(20):
            tasks.start_soon(one, number)
