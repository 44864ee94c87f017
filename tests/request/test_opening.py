"""Opening a request, and what happens when the hub is closed or fails meanwhile."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from tests.speaking import THREE, drain, hub
from tests.waiting import WITHIN, until
from tts_hub import TTSBackendManager, Voice
from tts_hub.cost.ledger import Ledger, today
from tts_hub.cost.pricing import Price
from tts_hub.errors import UsageError
from tts_hub.request.costs import RequestCosts
from tts_hub.testing import FakeBackend

pytestmark = pytest.mark.anyio


class SlowToFind(FakeBackend):
    """An engine that answers for a voice when it is let."""

    def __init__(self) -> None:
        super().__init__(price=Price(per_million_characters=1_000_000.0))
        self.asked = anyio.Event()
        self.may_answer = anyio.Event()

    async def find_voice(self, voice: str | None, language: str | None) -> Voice:
        self.asked.set()
        await self.may_answer.wait()
        return await super().find_voice(voice, language)


async def test_a_request_that_is_opened_while_the_hub_closes_is_a_usage_error(tmp_path: Path) -> None:
    engine = SlowToFind()
    errors: list[BaseException] = []

    async def ask(manager: TTSBackendManager) -> None:
        try:
            await manager.stream(THREE, model="fake")
        except UsageError as exc:
            errors.append(exc)

    budget = {"per_day": 1_000.0, "folder": str(tmp_path)}
    async with hub(engine, budget=budget) as manager, anyio.create_task_group() as tasks:
        tasks.start_soon(ask, manager)
        await engine.asked.wait()
        await manager.aclose()
        engine.may_answer.set()
    assert "not open" in str(errors[0])
    assert Ledger(tmp_path).spent(today()) == 0


async def test_a_request_ends_even_if_its_costs_cannot_be_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(self: RequestCosts) -> None:
        raise RuntimeError("no ledger")

    monkeypatch.setattr(RequestCosts, "close", fail)
    engine = FakeBackend()
    async with hub(engine) as manager:
        with anyio.fail_after(WITHIN):
            await drain(await manager.generate(THREE, model="fake"))
        await until(lambda: not engine.active)
        await manager.unload("fake")
