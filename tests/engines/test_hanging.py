"""Engines that hang: the request fails in time, and the slot is free when the work has ended."""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator, Sequence

import anyio
import pytest

from tests.engines.hostile import RATE, BadBackend, hub, speak, tone
from tests.waiting import until
from tts_hub import AudioChunk, Capabilities, SegmentRequest, TTSBackend, TTSBackendManager
from tts_hub.errors import StalledError, TTSHubError
from tts_hub.progress import ProgressCallback, ignore
from tts_hub.testing import FakeBackend
from tts_hub.threads import iterate_in_thread

pytestmark = pytest.mark.anyio


async def test_an_engine_that_gives_nothing_again_and_again_has_stalled() -> None:
    async def generate_stream(
        self: TTSBackend, request: SegmentRequest, on_progress: ProgressCallback = ignore
    ) -> AsyncGenerator[AudioChunk, None]:
        while True:
            yield AudioChunk(tone(0), RATE)

    async with hub(BadBackend(generate_stream=generate_stream), limits={"stall_timeout": 0.1}) as manager:
        with anyio.fail_after(30), pytest.raises(StalledError):
            await speak(manager)


class ThreadBackend(FakeBackend):
    """An engine whose thread hangs before its first audio until `released`."""

    def __init__(self) -> None:
        super().__init__(name="bad", capabilities=Capabilities())
        self.released = threading.Event()

    def generate_stream(
        self, request: SegmentRequest, on_progress: ProgressCallback = ignore
    ) -> AsyncGenerator[AudioChunk, None]:
        def work() -> Sequence[AudioChunk]:
            self.released.wait(60)
            return [AudioChunk(tone(), RATE)]

        return iterate_in_thread(work, name="hanging-engine")


@pytest.mark.parametrize("grace", [60.0, 0.05])
async def test_a_hanging_thread_is_an_error_at_once_and_keeps_its_slot_until_it_ends(
    grace: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tts_hub.threads.GRACE_SECONDS", grace)
    bad = ThreadBackend()

    def active(manager: TTSBackendManager) -> int:
        return next(engine.active for engine in manager.status() if engine.name == "bad")

    async with hub(bad, limits={"stall_timeout": 0.05}) as manager:
        with anyio.fail_after(30), pytest.raises(StalledError):
            await speak(manager)
        if grace < 1:
            await until(lambda: "hanging-engine" in str(threading.enumerate()))
            await anyio.sleep(4 * grace)  # the thread is left behind by now, or the wait for it is not over
        assert active(manager) == 1
        with pytest.raises(TTSHubError, match="in use"):
            await manager.unload("bad")
        bad.released.set()
        await until(lambda: not active(manager))
        assert await speak(manager) == "bad"
