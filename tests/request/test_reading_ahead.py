"""How far an engine generates ahead of a reader who does not read."""

from __future__ import annotations

import anyio
import pytest

from tests.speaking import drain, hub, say
from tests.waiting import WITHIN, until
from tts_hub import Capabilities
from tts_hub.testing import FakeBackend

pytestmark = pytest.mark.anyio


async def test_a_reader_who_does_not_read_stops_the_generation_ahead() -> None:
    fake = FakeBackend(capabilities=Capabilities(concurrency=2))
    async with hub(fake, limits={"buffer_seconds": 3}) as manager:
        audio = await manager.generate("A sentence of five words. " * 200, model="fake")
        await until(lambda: fake.requests and not fake.active)
        await anyio.sleep(0.1)  # nothing more is begun
        begun = len(fake.requests)
        assert begun <= 6
        assert fake.active == 0
        other = await manager.generate("Others are not held up.", model="fake")
        await drain(other)
        await audio.aclose()


async def test_a_long_segment_waits_for_its_reader_and_leaves_its_slot_to_others() -> None:
    fake = FakeBackend(capabilities=Capabilities(concurrency=1, ssml=True, suspendable=1))
    async with hub(fake, limits={"buffer_seconds": 1}) as manager:
        long = await manager.generate("word " * 1000, model="fake", markup="ssml")
        with anyio.fail_after(WITHIN):
            await say(manager)
        assert long._generation.handover.segments[0].unread_seconds < 6
        assert len(await drain(long)) / 24_000 == pytest.approx(300, rel=0.01)
