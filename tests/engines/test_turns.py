"""Which request gets an engine's slot next."""

from __future__ import annotations

import anyio
import pytest

from tests.speaking import drain, free, hub, say
from tests.waiting import until
from tts_hub import Capabilities
from tts_hub.testing import FakeBackend, FakeScript

pytestmark = pytest.mark.anyio


async def test_a_short_sentence_goes_ahead_of_a_long_book() -> None:
    fake = FakeBackend(script=FakeScript(hold_at=0), capabilities=Capabilities(concurrency=1))
    order: list[str] = []
    async with hub(fake, limits={"buffer_seconds": 1000}) as manager, anyio.create_task_group() as tasks:

        async def speak(name: str, text: str) -> None:
            await drain(await manager.generate(text, model="fake"))
            order.append(name)

        tasks.start_soon(speak, "book", "A sentence of the book. " * 30)
        await until(lambda: fake.active)
        tasks.start_soon(speak, "short", "Quick.")
        await until(lambda: manager.status()[0].waiting)
        fake.script.hold_at = None
    assert order == ["short", "book"]
    assert [request.text for request in fake.requests].index("Quick.") <= 2


async def test_new_requests_begin_before_long_segments_continue() -> None:
    """With one slot and suspendable segments, all requests begin before the first one ends."""
    fake = FakeBackend(
        script=FakeScript(chunk_delay=0.01),
        capabilities=Capabilities(concurrency=1, suspendable=8, word_timings=True),
    )
    begun: list[float] = []
    ended: list[float] = []

    async with hub(fake) as manager, anyio.create_task_group() as tasks:

        async def one() -> None:
            audio = await manager.generate("one two three four five six seven eight", model="fake")
            begun.append(anyio.current_time())
            assert len(await drain(audio)) / 24_000 == pytest.approx(2.4, abs=0.02)
            ended.append(anyio.current_time())

        for _ in range(6):
            tasks.start_soon(one)
    assert max(begun) < min(ended)
    assert fake.most_active == 6


async def test_no_more_segments_wait_half_made_than_the_engine_allows() -> None:
    fake = FakeBackend(
        script=FakeScript(chunk_delay=0.005), capabilities=Capabilities(concurrency=1, suspendable=2)
    )
    async with hub(fake) as manager, anyio.create_task_group() as tasks:
        for _ in range(8):
            tasks.start_soon(say, manager)
    assert fake.most_active <= 3
    assert free(fake, manager)
