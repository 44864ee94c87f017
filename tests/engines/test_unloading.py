"""Unloading engines: when they are idle, and before their files are removed."""

from __future__ import annotations

import anyio
import pytest

from tests.speaking import THREE, drain, hub
from tests.waiting import until
from tts_hub import BackendSettings
from tts_hub.errors import UnknownModelError, UsageError
from tts_hub.testing import FakeBackend, FakeScript
from tts_hub.types import ModelFiles

pytestmark = pytest.mark.anyio


async def test_an_idle_engine_is_unloaded_and_comes_back() -> None:
    fake = FakeBackend()
    async with hub(fake, limits={"idle_unload": 0.1}) as manager:
        await drain(await manager.generate("Hello.", model="fake"))
        await until(lambda: fake.closes)
        await drain(await manager.generate("Hello.", model="fake"))
        assert fake.loads == 2


async def test_an_engine_in_use_is_not_unloaded() -> None:
    fake = FakeBackend(script=FakeScript(hold_at=1))
    async with (
        hub(fake, limits={"idle_unload": 0.02}) as manager,
        await manager.generate(THREE, model="fake"),
    ):
        await anyio.sleep(0.1)  # five times the idle limit
        assert fake.closes == 0
        with pytest.raises(UsageError, match="in use"):
            await manager.unload("fake")


class Removable(FakeBackend):
    """An engine with files; what `remove` returns shows how many times the engine was closed before."""

    @classmethod
    def downloads(cls, settings: BackendSettings) -> list[ModelFiles]:
        return [ModelFiles("fake", "here.example", "/nowhere", variant=v) for v in ("exact", "quick")]

    async def remove(self, files: ModelFiles, settings: BackendSettings) -> int:  # type: ignore[override]
        return 1 + 10 * self.closes


async def test_an_idle_engine_is_unloaded_before_its_files_are_removed() -> None:
    engine = Removable()
    async with hub(engine) as manager:
        assert await manager.remove("fake", variant="quick") == 1
        await drain(await manager.generate("Hello.", model="fake"))
        assert await manager.remove("fake") == 11 + 11
        await drain(await manager.generate("Hello.", model="fake"))
        assert engine.loads == 2


async def test_a_variant_may_be_named_behind_a_colon() -> None:
    async with hub(Removable()) as manager:
        assert manager.model_files("fake:quick").variant == "quick"
        assert manager.model_files("FAKE:quick").variant == "quick"
        assert manager.model_files("fake:").variant == "exact"
        assert await manager.remove("fake:quick") == 1
        with pytest.raises(UnknownModelError, match="'fake' has no variant 'slow'"):
            manager.model_files("fake:slow")


async def test_an_engine_in_use_stays_loaded_when_its_files_are_removed() -> None:
    engine = Removable(script=FakeScript(hold_at=1))
    async with hub(engine) as manager:
        audio = await manager.generate(THREE, model="fake")
        assert await manager.remove("fake", variant="exact") == 1
        engine.script.hold_at = None
        await drain(audio)
        assert engine.loads == 1


class WithBackground(FakeBackend):
    """An engine that does something besides requests."""

    in_background = 0

    async def background(self) -> None:
        self.in_background += 1
        try:
            await anyio.sleep_forever()
        finally:
            self.in_background -= 1


async def test_unloading_during_a_load_leaves_no_background_work() -> None:
    engine = WithBackground(script=FakeScript(hold_load=True))
    async with hub(engine) as manager, anyio.create_task_group() as tasks:
        async with anyio.create_task_group() as loading:
            loading.start_soon(manager.preload, "fake")
            await until(lambda: manager.status()[0].state == "loading")
            loading.cancel_scope.cancel()
        tasks.start_soon(manager.unload, "fake")
        await anyio.wait_all_tasks_blocked()
        engine.script.hold_load = False
        await until(lambda: engine.closes)
        await until(lambda: manager.status()[0].state == "unloaded")
        await anyio.wait_all_tasks_blocked()
        assert engine.in_background == 0
        await drain(await manager.generate("Hello.", model="fake"))
        await until(lambda: engine.in_background == 1)


async def test_an_engine_that_gets_a_request_while_it_is_about_to_be_unloaded_stays() -> None:
    engine = FakeBackend(script=FakeScript(hold_load=True))
    refused: list[UsageError] = []
    async with hub(engine) as manager, anyio.create_task_group() as tasks:
        async with anyio.create_task_group() as loading:
            loading.start_soon(manager.preload, "fake")
            await until(lambda: manager.status()[0].state == "loading")
            loading.cancel_scope.cancel()

        async def unload() -> None:
            try:
                await manager.unload("fake")
            except UsageError as exc:
                refused.append(exc)

        tasks.start_soon(unload)
        await anyio.wait_all_tasks_blocked()
        tasks.start_soon(manager.preload, "fake")
        await anyio.wait_all_tasks_blocked()
        engine.script.hold_load = False
        await until(lambda: manager.status()[0].state == "ready")
        await until(lambda: refused or engine.closes)
        assert engine.closes == 0
        assert "in use" in str(refused[0])
