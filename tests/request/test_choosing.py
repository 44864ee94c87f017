"""Which engine speaks: by its name, an alias, a pattern, or the best for `auto`."""

from __future__ import annotations

import pytest

from tests.speaking import THREE, drain, hub
from tts_hub import Voice
from tts_hub.errors import (
    BackendUnavailableError,
    GenerationError,
    UnknownModelError,
    UnsupportedLanguageError,
)
from tts_hub.testing import FakeBackend, FakeScript

pytestmark = pytest.mark.anyio


async def test_a_model_is_found_by_name_alias_and_pattern() -> None:
    fake, box = FakeBackend(), FakeBackend(name="box", patterns=("box_*",))
    async with hub(fake, box, aliases={"tts-1": "fake"}) as manager:
        for model, backend in [("fake", "fake"), ("tts-1", "fake"), ("box_large", "box")]:
            audio = await manager.generate("Hello.", model=model)
            await drain(audio)
            assert audio.report.backend == backend
        assert box.requests[0].model == "box_large"


async def test_an_unknown_model_names_the_nearest() -> None:
    async with hub(FakeBackend()) as manager:
        with pytest.raises(UnknownModelError, match=r"'fak'.*did you mean 'fake'"):
            await manager.stream("Hello.", model="fak")


async def test_auto_takes_the_best_engine_that_is_ready() -> None:
    best = FakeBackend(name="best", priority=9, script=FakeScript(ready=False))
    good = FakeBackend(name="good", priority=5)
    hidden = FakeBackend(name="hidden", priority=-1)
    async with hub(hidden, good, best) as manager:
        assert manager.best() == "good"
        best.script.ready = True
        assert manager.best() == "best"
        audio = await manager.generate("Hello.")
        await drain(audio)
        assert audio.report.backend == "best"


async def test_auto_passes_over_an_engine_that_cannot_be_loaded() -> None:
    broken = FakeBackend(name="broken", priority=9, script=FakeScript(load_error=OSError("no file")))
    good = FakeBackend(name="good", priority=5)
    async with hub(broken, good) as manager:
        audio = await manager.generate("Hello.")
        await drain(audio)
        assert audio.report.backend == "good"
        assert "no file" in audio.report.fallbacks[0].error
        assert manager.best() == "good"


async def test_auto_does_not_stand_in_for_an_engine_that_fails_while_it_speaks() -> None:
    failing = FakeBackend(name="failing", priority=9, script=FakeScript(fail_at={1: 1}))
    async with hub(failing, FakeBackend(name="good", priority=5)) as manager:
        with pytest.raises(GenerationError, match="scripted"):
            await drain(await manager.generate(THREE))


async def test_auto_takes_an_engine_that_speaks_the_language() -> None:
    class German(FakeBackend):
        async def voices(self) -> list[Voice]:
            return [Voice("low", "Low", "de")]

    english = FakeBackend(name="english", priority=9)
    async with hub(english, German(name="german", priority=5)) as manager:
        audio = await manager.generate("Hallo.", language="de")
        await drain(audio)
        assert audio.report.backend == "german"
        with pytest.raises(UnsupportedLanguageError, match="'fi'"):
            await manager.generate("Terve.", language="fi")


async def test_an_engine_that_is_not_ready_is_listed_with_reason_and_remedy() -> None:
    script = FakeScript(ready=False, reason="weights are missing", remedy="tts-hub models pull fake")
    async with hub(FakeBackend(script=script)) as manager:
        (status,) = manager.status()
        assert not status.availability.ready
        with pytest.raises(BackendUnavailableError, match="weights are missing") as caught:
            await manager.stream("Hello.", model="fake")
        assert caught.value.remedy == "tts-hub models pull fake"


async def test_no_engine_at_all_is_an_error() -> None:
    async with hub() as manager:
        with pytest.raises(BackendUnavailableError, match="none is installed"):
            await manager.stream("Hello.")
