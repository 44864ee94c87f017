"""Exceptions that would end a program fail one request and no other."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from tests.engines.hostile import (
    EXITS,
    BadBackend,
    Unspeakable,
    generating_nothing_but,
    hub,
    raising,
    raising_in_a_thread,
    raising_in_another_thread,
    raising_later,
    speak,
)
from tts_hub.engines.registry import Entry
from tts_hub.errors import BackendError, TTSHubError, UsageError

pytestmark = pytest.mark.anyio


MUST_FAIL = {
    "load": ("load", raising_later),
    "load in a thread": ("load", raising_in_another_thread),
    "generate": ("generate_stream", generating_nothing_but),
    "generate at once": ("generate_stream", raising),
    "generate in a thread": ("generate_stream", raising_in_a_thread),
    "voices": ("voices", raising_later),
    "find_voice": ("find_voice", raising_later),
    "availability": ("availability", raising),
    "capabilities_for": ("capabilities_for", raising),
}
MAY_SPEAK = {
    "background": ("background", raising_later),
    "warm_up": ("warm_up", raising_later),
    "forget": ("forget", raising),
    "known_models": ("known_models", raising),
    "downloads": ("downloads", raising),
}
PYTHONS_OWN = {
    ("generate in a thread", StopAsyncIteration): "Python makes a RuntimeError of it",
    ("load in a thread", GeneratorExit): "asyncio closes every coroutine that awaits a future with it",
}


@pytest.mark.parametrize("error", [*EXITS, Unspeakable, MemoryError])
@pytest.mark.parametrize("place", MUST_FAIL)
async def test_an_exception_that_would_end_a_program_is_a_failure_of_the_engine(
    place: str, error: type[BaseException]
) -> None:
    if (place, error) in PYTHONS_OWN:
        pytest.skip(PYTHONS_OWN[place, error])
    name, fault = MUST_FAIL[place]
    async with hub(BadBackend(**{name: fault(error)})) as manager:
        with pytest.raises(BackendError, match="bad"):
            await speak(manager)
        for ask in (lambda: manager.voices("bad"), manager.voices, manager.problems):
            try:
                await ask()
            except TTSHubError as exc:
                assert "bad" in str(exc)
        assert {engine.name for engine in manager.status()} == {"bad", "good"}


@pytest.mark.parametrize("error", [*EXITS, Unspeakable])
@pytest.mark.parametrize("place", MAY_SPEAK)
async def test_a_failure_beside_the_speech_does_not_stop_it(place: str, error: type[BaseException]) -> None:
    name, fault = MAY_SPEAK[place]
    async with hub(BadBackend(**{name: fault(error)})) as manager:
        manager.warms_up = True
        assert await speak(manager) == "bad"
        assert {engine.name for engine in manager.status()} == {"bad", "good"}


@pytest.mark.parametrize("error", [*EXITS, Unspeakable])
async def test_auto_goes_by_an_engine_that_exits(error: type[BaseException]) -> None:
    async with hub(BadBackend(availability=raising(error))) as manager:
        assert manager.best() == "good"
        assert await speak(manager, "auto") == "good"


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, Unspeakable])
def test_an_import_that_exits_is_a_plugin_that_is_broken(error: type[BaseException]) -> None:
    class Plugin:
        value = "bad:Bad"
        dist = None

        def load(self) -> None:
            raise error

    entry = Entry("bad", plugin=Plugin())  # type: ignore[arg-type]
    assert error.__name__ in entry.availability().reason


@pytest.mark.parametrize("error", EXITS)
async def test_a_text_and_a_callback_that_exit_concern_their_own_request_only(
    error: type[BaseException],
) -> None:
    async def text() -> AsyncGenerator[str, None]:
        yield "Hello there, this is a whole sentence. "
        raise error

    def on_progress(event: object) -> None:
        raise error

    async with hub() as manager:
        with pytest.raises((UsageError, RuntimeError), match=error.__name__):
            async with await manager.generate(text(), model="good") as audio:
                async for _ in audio:
                    pass
        async with await manager.generate("Hello.", model="good", on_progress=on_progress) as audio:
            assert [chunk async for chunk in audio]
