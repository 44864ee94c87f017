"""Engines that fail to close, or hang: the hub and the other engines do not wait for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio
import pytest

from tests.engines.hostile import (
    BadBackend,
    close_exiting,
    close_hanging,
    close_ignoring_its_cancellation,
    close_raising,
    hub,
    speak,
)
from tests.waiting import until
from tts_hub import TTSBackendManager
from tts_hub.testing import FakeBackend

pytestmark = pytest.mark.anyio


CLOSES = [close_raising, close_exiting, close_hanging, close_ignoring_its_cancellation]


@pytest.fixture
def short_deadlines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tts_hub.engines.loading.CLOSE_SECONDS", 0.05)
    monkeypatch.setattr("tts_hub.containment.CANCEL_SECONDS", 0.05)


@pytest.mark.usefixtures("short_deadlines")
@pytest.mark.parametrize("close", CLOSES)
async def test_an_engine_that_does_not_close_keeps_neither_the_hub_nor_the_others_from_it(
    close: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    bad = BadBackend(aclose=close, released=anyio.Event())
    good = FakeBackend(name="other")
    with anyio.fail_after(10):
        async with hub(bad, good) as manager:
            await speak(manager)
            await speak(manager, "other")
    bad.released.set()  # type: ignore[attr-defined]
    assert good.closes == 1
    assert "engine bad" in caplog.text
    assert "close" in caplog.text


@pytest.mark.usefixtures("short_deadlines")
@pytest.mark.parametrize("close", CLOSES)
async def test_requests_continue_after_an_idle_engine_did_not_close(close: Callable[..., Any]) -> None:
    bad = BadBackend(aclose=close, released=anyio.Event())
    async with hub(bad, limits={"idle_unload": 0.05}) as manager:
        assert await speak(manager) == "bad"
        await until(lambda: state_of(manager, "bad") == "unloaded")
        assert await speak(manager) == "bad"
        assert await speak(manager, "good") == "good"
        bad.released.set()  # type: ignore[attr-defined]


def state_of(manager: TTSBackendManager, name: str) -> str:
    return next(engine.state for engine in manager.status() if engine.name == name)
