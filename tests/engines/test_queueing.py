"""Waiting for an engine: a full queue, a wait that is too long, a place that is given back."""

from __future__ import annotations

import anyio
import pytest

from tests.speaking import drain, free, hub, say
from tests.waiting import until
from tts_hub import Capabilities
from tts_hub.errors import QueueFullError, QueueTimeoutError, UnknownVoiceError
from tts_hub.testing import FakeBackend, FakeScript

pytestmark = pytest.mark.anyio


async def test_a_full_queue_is_an_error_with_a_time_to_retry() -> None:
    fake = FakeBackend(script=FakeScript(hold_at=0), capabilities=Capabilities(concurrency=1))
    outcomes: list[str] = []
    async with hub(fake, limits={"max_queue": 2}) as manager:

        async def one() -> None:
            try:
                await drain(await manager.generate("Hello.", model="fake"))
                outcomes.append("spoken")
            except QueueFullError as exc:
                assert exc.retry_after >= 1
                outcomes.append("full")

        async with anyio.create_task_group() as tasks:
            for _ in range(8):
                tasks.start_soon(one)
            await until(lambda: len(outcomes) == 5)
            fake.script.hold_at = None
        assert sorted(outcomes) == ["full"] * 5 + ["spoken"] * 3
        assert free(fake, manager)


async def test_waiting_too_long_for_a_slot_is_an_error() -> None:
    fake = FakeBackend(script=FakeScript(hold_at=0), capabilities=Capabilities(concurrency=1))
    async with hub(fake, limits={"queue_timeout": 0.05}) as manager, anyio.create_task_group() as tasks:
        tasks.start_soon(say, manager)
        await until(lambda: fake.active)
        with pytest.raises(QueueTimeoutError, match=r"within 0\.05 s"):
            await manager.generate("Hello.", model="fake")
        tasks.cancel_scope.cancel()


async def test_cancelling_while_waiting_in_the_queue_gives_the_place_back() -> None:
    fake = FakeBackend(script=FakeScript(hold_at=0), capabilities=Capabilities(concurrency=1))
    async with hub(fake) as manager:
        async with anyio.create_task_group() as tasks:
            for _ in range(10):
                tasks.start_soon(say, manager)
            await until(lambda: fake.active and manager.status()[0].waiting == 9)
            tasks.cancel_scope.cancel()
        await until(lambda: free(fake, manager))
        fake.script.hold_at = None
        await drain(await manager.generate("Hello.", model="fake"))


async def test_a_text_that_begins_with_a_pause_is_checked_and_queued_like_any_other() -> None:
    fake = FakeBackend(script=FakeScript(hold_at=0), capabilities=Capabilities(concurrency=1))
    async with hub(fake, limits={"max_queue": 1}) as manager:
        with pytest.raises(UnknownVoiceError):
            await manager.stream("[pause:0.2s] Hello.", model="fake", voice="nobody")
        outcomes: list[str] = []

        async def one() -> None:
            try:
                audio = await manager.generate("[pause:0.2s] Hello.", model="fake")
                outcomes.append(f"{len(await drain(audio)) / 24_000:.1f}")
            except QueueFullError:
                outcomes.append("full")

        async with anyio.create_task_group() as tasks:
            for _ in range(4):
                tasks.start_soon(one)
            await until(lambda: len(outcomes) == 2)
            fake.script.hold_at = None
    assert sorted(outcomes) == ["0.5", "0.5", "full", "full"]
