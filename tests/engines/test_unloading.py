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
