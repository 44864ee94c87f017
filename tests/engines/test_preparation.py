"""Stored voices are prepared ahead of their first request."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from tests.speaking import drain, hub
from tests.store.clips import clip
from tests.waiting import until
from tts_hub.engines.preparation import Preparation
from tts_hub.errors import BackendUnavailableError, GenerationError, InvalidRequestError, UnknownVoiceError
from tts_hub.progress import ProgressCallback, ProgressEvent, ignore
from tts_hub.testing import FakeBackend, FakeScript
from tts_hub.types import Capabilities, Voice

pytestmark = pytest.mark.anyio


class Cloner(FakeBackend):
    """Clones, and may fail to prepare."""

    def __init__(self, **changes: Any) -> None:
        wanted: dict[str, Any] = {"name": "cloner", "priority": 1}
        super().__init__(**wanted | changes, capabilities=Capabilities(cloning=True))
        self.failure: Exception | None = None
        self.forgotten = 0

    async def prepare_voice(self, voice: Voice, on_progress: ProgressCallback = ignore) -> None:
        await super().prepare_voice(voice, on_progress)
        if self.failure is not None:
            raise self.failure

    def forget_voices(self) -> None:
        self.forgotten += 1


def names_of(engine: FakeBackend) -> list[str]:
    return [voice.name for voice in engine.prepared]


async def test_a_voice_is_prepared_by_name() -> None:
    engine, events = Cloner(), list[ProgressEvent]()
    async with hub(engine, FakeBackend(name="plain", priority=5)) as manager:
        stored = await manager.store.add_voice("Sarah", clip())
        assert await manager.prepare_voice("sarah", on_progress=events.append) == [Preparation("cloner")]
        assert [voice.samples[0].hash for voice in engine.prepared] == [stored.samples[0].hash]
        assert engine.loads == 1
        assert manager.prepared(stored.samples[0].hash) == [Preparation("cloner")]
    assert ("preparing", "preparing voice 'sarah'") in [(event.stage, event.message) for event in events]


async def test_only_engines_that_clone_are_asked() -> None:
    async with hub(FakeBackend(name="plain", priority=5)) as manager:
        await manager.store.add_voice("Sarah", clip())
        with pytest.raises(BackendUnavailableError, match="no engine that is ready clones voices"):
            await manager.prepare_voice("sarah")
        with pytest.raises(BackendUnavailableError, match="'plain' clones no voices"):
            await manager.prepare_voice("sarah", "plain")
        with pytest.raises(UnknownVoiceError, match="no recording of voice 'tom' is stored"):
            await manager.prepare_voice("tom")


async def test_a_server_prepares_all_voices_once_an_engine_is_loaded() -> None:
    engine = Cloner()
    async with hub(engine) as manager:
        await manager.store.add_voice("Sarah", clip())
        await manager.store.add_profile(name="glad", character="sarah")
        await manager.store.add_profile_sample("sarah:glad", clip(6, 1))
        manager.warms_up = True
        await manager.aclose()
        await manager.open()
        assert engine.prepared == []  # nothing is loaded for it
        await manager.preload("cloner")
        await until(lambda: len(engine.prepared) == 2)
        assert names_of(engine) == ["Sarah", "sarah:glad"]
        added = await manager.store.add_voice("Tom", clip(6, 2))
        await until(lambda: manager.prepared(added.samples[0].hash))
        assert names_of(engine) == ["Sarah", "sarah:glad", "Tom"]


async def test_a_library_call_prepares_nothing_by_itself() -> None:
    engine = Cloner()
    async with hub(engine) as manager:
        await manager.store.add_voice("Sarah", clip())
        await drain(await manager.generate("Hello.", model="cloner"))
        await anyio.sleep(1.2)
        assert engine.prepared == []


async def test_requests_come_first() -> None:
    engine = Cloner(script=FakeScript(hold_at=1))
    async with hub(engine) as manager:
        await manager.store.add_voice("Sarah", clip())
        manager.warms_up = True
        await manager.aclose()
        await manager.open()
        stream = await manager.generate("Hello there.", model="cloner")
        await anyio.sleep(1.2)
        assert engine.prepared == []
        engine.script.hold_at = None
        await drain(stream)
        await until(lambda: engine.prepared)


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (InvalidRequestError("the reference clip is silent", param="voice"), "the reference clip is silent"),
        (GenerationError("secret detail", backend="cloner"), "the engine failed; the log says more"),
        (RuntimeError("secret detail"), "the engine failed; the log says more"),
    ],
)
async def test_a_failure_is_kept_for_people_to_read(failure: Exception, reason: str) -> None:
    engine = Cloner()
    engine.failure = failure
    async with hub(engine) as manager:
        await manager.store.add_voice("Sarah", clip())
        assert await manager.prepare_voice("sarah") == [Preparation("cloner", reason)]
        engine.failure = None
        assert await manager.prepare_voice("sarah") == [Preparation("cloner")]


async def test_everything_can_be_dropped() -> None:
    engine = Cloner()
    async with hub(engine) as manager:
        stored = await manager.store.add_voice("Sarah", clip())
        await manager.prepare_voice("sarah")
        await manager.clear_prepared()
        assert engine.forgotten == 1
        assert manager.prepared(stored.samples[0].hash) == []
