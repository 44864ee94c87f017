"""Loading engines: once for all who ask, again after a failure, within a time limit."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from tests.speaking import drain, hub
from tests.waiting import until
from tts_hub import Availability, BackendSettings, TTSBackendManager
from tts_hub.config import parse_config
from tts_hub.errors import BackendUnavailableError
from tts_hub.testing import FakeBackend, FakeScript

pytestmark = pytest.mark.anyio


async def test_loading_happens_once_however_many_ask() -> None:
    fake = FakeBackend(script=FakeScript(load_delay=0.05))
    async with hub(fake) as manager, anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(manager.preload, "fake")
    assert fake.loads == 1


async def test_a_load_continues_when_the_first_caller_is_cancelled() -> None:
    fake = FakeBackend(script=FakeScript(hold_load=True))
    async with hub(fake) as manager:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(manager.preload, "fake")
            await until(lambda: manager.status()[0].state == "loading")
            tasks.cancel_scope.cancel()
        fake.script.hold_load = False
        await manager.preload("fake")
    assert fake.loads == 1


async def test_a_failed_load_is_an_error_for_each_caller_and_tried_again_later() -> None:
    fake = FakeBackend(script=FakeScript(load_error=RuntimeError("bad weights"), load_delay=0.01))
    async with hub(fake) as manager:
        for _ in range(2):
            with pytest.raises(BackendUnavailableError, match="bad weights"):
                await manager.stream("Hello.", model="fake")
        fake.script.load_error = None
        await drain(await manager.generate("Hello.", model="fake"))


async def test_a_load_that_hangs_counts_as_failed() -> None:
    slow = FakeBackend(name="slow", script=FakeScript(load_delay=60))
    async with hub(slow, FakeBackend(name="second"), limits={"load_timeout": 1.0}) as manager:
        audio = await manager.generate("Hello.", model="slow", fallback=["second"])
        await drain(audio)
        assert "not loaded within 1 s" in audio.report.fallbacks[0].error


async def test_an_engine_whose_constructor_fails_leaves_the_others_usable() -> None:
    class Unmade(FakeBackend):
        name = "unmade"

        def __init__(self, *args: Any) -> None:
            raise ValueError("no such device")

    class Unsure(FakeBackend):
        name = "unsure"

        @classmethod
        def availability(cls, settings: BackendSettings) -> Availability:
            raise ValueError("cannot tell")

    manager = TTSBackendManager(parse_config({"audio": {"loudness": "off"}}), discover=False)
    for backend in (Unmade, Unsure, FakeBackend(priority=3)):
        manager.register(backend)
    async with manager:
        assert manager.best() == "fake"
        with pytest.raises(BackendUnavailableError, match="no such device"):
            await manager.stream("Hello.", model="unmade")
        audio = await manager.generate("Hello.", model="fake", fallback=["unmade"])
        await drain(audio)
        assert set(await manager.voices()) == {"fake"}
        states = {status.name: status.availability for status in manager.status()}
        assert "cannot tell" in states["unsure"].reason
