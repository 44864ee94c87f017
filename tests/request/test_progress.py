"""Progress events reach the callback of their own request."""

from __future__ import annotations

import anyio
import pytest

from tests.speaking import THREE, drain, hub
from tts_hub import ProgressEvent
from tts_hub.testing import FakeBackend, FakeScript

pytestmark = pytest.mark.anyio


async def test_progress_belongs_to_one_request() -> None:
    async with hub(FakeBackend(script=FakeScript(chunk_delay=0.002))) as manager:
        seen: dict[int, list[ProgressEvent]] = {0: [], 1: [], 2: []}

        async def one(number: int) -> None:
            await drain(await manager.generate(THREE, model="fake", on_progress=seen[number].append))

        async with anyio.create_task_group() as tasks:
            for number in seen:
                tasks.start_soon(one, number)
    for events in seen.values():
        assert len({event.request_id for event in events}) == 1
        stages = [event.stage for event in events if event.stage != "loading"]
        assert stages == ["queued", "first_audio", "segment", "segment", "segment", "finished"]
        assert events[-1].fraction == 1.0


async def test_a_progress_callback_that_fails_does_not_stop_the_speech(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(event: ProgressEvent) -> None:
        raise ZeroDivisionError

    async with hub(FakeBackend()) as manager:
        assert len(await drain(await manager.generate("Hello.", model="fake", on_progress=broken)))
    assert "callback failed" in caplog.text
