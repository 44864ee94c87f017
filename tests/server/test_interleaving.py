"""Progress events and pieces of an iterator on the way to one reader."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

import anyio
import pytest

from tests.waiting import WITHIN
from tts_hub.errors import GenerationError
from tts_hub.progress import ProgressEvent
from tts_hub.server.interleaving import Interleaving

pytestmark = pytest.mark.anyio


def segment(number: int) -> ProgressEvent:
    return ProgressEvent("segment", segment=number)


async def test_pieces_and_events_keep_their_order() -> None:
    merged: Interleaving[str] = Interleaving()
    merged.on_progress(ProgressEvent("queued"))

    async def pieces() -> AsyncGenerator[str, None]:
        for number, piece in enumerate(["a", "b"]):
            yield piece
            merged.on_progress(segment(number))

    async with aclosing(pieces()) as made, aclosing(merged.read(made)) as items:
        found = [item async for item in items]
    assert found == [ProgressEvent("queued"), ("a",), segment(0), ("b",), segment(1)]


async def test_an_event_arrives_while_the_next_piece_is_awaited() -> None:
    merged: Interleaving[str] = Interleaving()

    async def pieces() -> AsyncGenerator[str, None]:
        yield "a"
        merged.on_progress(segment(0))
        await anyio.sleep_forever()

    with anyio.fail_after(WITHIN):
        async with aclosing(pieces()) as made, aclosing(merged.read(made)) as items:
            assert [await anext(items), await anext(items)] == [("a",), segment(0)]


async def test_a_piece_is_asked_for_when_the_one_before_it_has_been_taken() -> None:
    merged: Interleaving[int] = Interleaving()
    made = 0

    async def pieces() -> AsyncGenerator[int, None]:
        nonlocal made
        while True:
            made += 1
            yield made

    async with aclosing(pieces()) as endless, aclosing(merged.read(endless)) as items:
        await anext(items)
        await anyio.wait_all_tasks_blocked()
        assert made == 1
        await anext(items)
        assert made == 2


async def test_newer_events_replace_those_that_a_slow_reader_has_not_read() -> None:
    merged: Interleaving[str] = Interleaving()
    for done in range(1000):
        merged.on_progress(ProgressEvent("downloading", fraction=done / 1000))
    merged.on_progress(segment(0))
    merged.on_progress(segment(1))

    async def nothing() -> AsyncGenerator[str, None]:
        return
        yield

    async with aclosing(nothing()) as made, aclosing(merged.read(made)) as items:
        assert [item async for item in items] == [
            ProgressEvent("downloading", fraction=0.999),
            segment(0),
            segment(1),
        ]


async def test_a_failure_comes_behind_what_was_before_it() -> None:
    merged: Interleaving[str] = Interleaving()

    async def pieces() -> AsyncGenerator[str, None]:
        yield "a"
        merged.on_progress(segment(0))
        raise GenerationError("oh", backend="fake")

    found: list[object] = []
    with pytest.raises(GenerationError, match="oh"):
        async with aclosing(pieces()) as made, aclosing(merged.read(made)) as items:
            async for item in items:
                found.append(item)
    assert found == [("a",), segment(0)]


@pytest.mark.parametrize("taken", [1, 2])
async def test_closing_interrupts_the_pieces(taken: int) -> None:
    merged: Interleaving[str] = Interleaving()
    interrupted = False

    async def pieces() -> AsyncGenerator[str, None]:
        nonlocal interrupted
        try:
            yield "a"
            merged.on_progress(segment(0))
            await anyio.sleep_forever()
        except anyio.get_cancelled_exc_class():
            interrupted = True
            raise

    with anyio.fail_after(WITHIN):
        async with aclosing(pieces()) as made:
            async with aclosing(merged.read(made)) as items:
                for _ in range(taken):
                    await anext(items)
            assert interrupted == (taken == 2)
