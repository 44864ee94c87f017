"""The cost of speech: estimated before, counted after, kept within a budget."""

from __future__ import annotations

import datetime as dt
import math
import sqlite3
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_hub import TTSBackendManager
from tts_hub.config import parse_config
from tts_hub.cost.ledger import FILE_NAME, Ledger, today
from tts_hub.cost.pricing import Bounds, Cost, Price, Work, expected_work, usd
from tts_hub.errors import (
    BackendError,
    BudgetExceededError,
    InvalidTextError,
    OutputError,
    TTSHubError,
    UnknownModelError,
    UsageError,
)
from tts_hub.request.stream import AudioStream
from tts_hub.testing import FakeBackend, FakeScript
from tts_hub.text.segment import Segment, segments_of
from tts_hub.types import Usage

pytestmark = pytest.mark.anyio
TEXT = "This is the first sentence of them. And here is the second one of them."
BY_CHARACTERS = Price(per_million_characters=1_000_000.0, source="a page", checked=dt.date(2026, 1, 2))
"""One dollar a character."""
BY_TOKENS = Price(per_million_text_tokens=0.60, per_million_audio_tokens=12.0)
BY_CREDITS = Price(per_million_credits=100.0, credits_per_character=0.5)
DAY = dt.date(2026, 1, 2)


@asynccontextmanager
async def hub(*engines: FakeBackend, **sections: Any) -> AsyncGenerator[TTSBackendManager, None]:
    async with TTSBackendManager(parse_config(sections), discover=False) as manager:
        for engine in engines:
            manager.register(engine)
        yield manager


async def spoken(manager: TTSBackendManager, text: Any = TEXT, **fields: Any) -> AudioStream:
    audio = await manager.generate(text, **{"model": "fake"} | fields)
    async with audio:
        async for _ in audio:
            pass
    return audio


# --- prices -----------------------------------------------------------------------------------------------


def test_a_price_by_characters_is_exact_before_and_after() -> None:
    bounds = BY_CHARACTERS.estimate(Work(characters=40))
    assert bounds.low == bounds.likely == bounds.high == 40
    cost = Price(per_million_characters=15).cost(Usage(characters=4095), Work(characters=1))
    assert cost.dollars == pytest.approx(0.061425)
    assert not cost.estimated


def test_a_price_by_tokens_is_what_openai_was_recorded_to_count() -> None:
    cost = BY_TOKENS.cost(Usage(text_tokens=10, audio_tokens=93), Work())
    assert cost.dollars == pytest.approx((10 * 0.6 + 93 * 12) / 1e6)
    minute = BY_TOKENS.estimate(Work(characters=900, text_tokens=225, seconds=60))
    assert minute.low < 0.015 < minute.high
    assert minute.low < minute.likely < minute.high


def test_usage_that_a_service_did_not_report_is_an_estimate() -> None:
    cost = BY_TOKENS.cost(Usage(text_tokens=10), Work(seconds=4.0))
    assert cost.estimated
    assert cost.dollars == pytest.approx((10 * 0.6 + 100 * 12) / 1e6)


def test_credits_are_counted_where_they_are_reported() -> None:
    assert BY_CREDITS.cost(Usage(credits=403), Work(characters=735)).dollars == pytest.approx(0.0403)
    guessed = BY_CREDITS.cost(Usage(), Work(characters=1000))
    assert guessed.dollars == pytest.approx(0.05)
    assert guessed.estimated


@given(st.text(max_size=300), st.floats(0.25, 4))
def test_no_text_has_an_estimate_out_of_order(text: str, speed: float) -> None:
    work = expected_work(text, speed=speed)
    bounds = BY_TOKENS.estimate(work)
    assert 0 <= bounds.low <= bounds.likely <= bounds.high
    assert work.characters == len(text)


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf")])
def test_an_invalid_price_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="per_million_characters"):
        Price(per_million_characters=value)


def test_sums_are_shown_with_fractions_of_a_cent() -> None:
    assert [usd(1.5), usd(0.0153), usd(0.000123)] == ["$1.50", "$0.0153", "$0.000123"]


# --- before -----------------------------------------------------------------------------------------------


async def test_an_estimate_names_engine_and_cost_and_loads_nothing() -> None:
    paid, free = FakeBackend(price=BY_CHARACTERS), FakeBackend(name="free")
    async with hub(paid, free) as manager:
        found = await manager.estimate(TEXT, model="fake", fallback=["free"])
    assert found.cost == found.cost_low == found.cost_high == found.characters
    assert len(TEXT) - 2 <= found.characters <= len(TEXT)
    assert (found.backend, found.model, found.segments) == ("fake", "fake", 2)
    assert (found.price_source, found.price_checked) == ("a page", dt.date(2026, 1, 2))
    assert [(other.backend, other.cost_high) for other in found.fallbacks] == [("free", 0.0)]
    assert 2 < found.audio_seconds < 10
    assert paid.loads == 0


async def test_an_estimate_that_is_impossible_is_an_error() -> None:
    async def written() -> AsyncGenerator[str, None]:
        yield TEXT

    async with hub(FakeBackend()) as manager:
        with pytest.raises(InvalidTextError, match="still being written"):
            await manager.estimate(written(), model="fake")  # type: ignore[arg-type]
        with pytest.raises(UnknownModelError):
            await manager.estimate(TEXT, model="nobody")


async def test_an_estimate_by_characters_is_the_cost() -> None:
    async with hub(FakeBackend(price=BY_CHARACTERS)) as manager:
        found = await manager.estimate(TEXT, model="fake")
        report = (await spoken(manager)).report
    assert report.cost == pytest.approx(found.cost)


# --- after ------------------------------------------------------------------------------------------------


async def test_the_report_has_what_the_service_counted() -> None:
    script = FakeScript(usage={0: Usage(credits=20), 1: Usage(credits=11)})
    async with hub(FakeBackend(price=BY_CREDITS, script=script)) as manager:
        report = (await spoken(manager)).report
        assert dict(manager.spent) == {("fake", "fake"): pytest.approx(31 * 100 / 1e6)}
    assert report.cost == pytest.approx(31 * 100 / 1e6)
    assert not report.cost_estimated


async def test_a_cost_with_an_unreported_part_is_an_estimate() -> None:
    script = FakeScript(usage={0: Usage(credits=20)})
    async with hub(FakeBackend(price=BY_CREDITS, script=script)) as manager:
        report = (await spoken(manager)).report
    assert report.cost > 20 * 100 / 1e6
    assert report.cost_estimated


async def test_free_engines_cost_nothing() -> None:
    async with hub(FakeBackend()) as manager:
        report = (await spoken(manager)).report
        assert not manager.spent
    assert (report.cost, report.cost_estimated) == (0.0, False)


async def test_a_piece_that_broke_off_was_billed_and_a_refused_one_was_not() -> None:
    broken = FakeBackend(price=BY_CHARACTERS, script=FakeScript(fail_at={1: 2}))
    async with hub(broken, FakeBackend(name="free")) as manager:
        report = (await spoken(manager, fallback=["free"])).report
    assert report.complete
    assert report.cost == pytest.approx(len(TEXT) - 1)
    refusing = FakeBackend(price=BY_CHARACTERS, script=FakeScript(fail_at={1: 0}))
    async with hub(refusing, FakeBackend(name="free")) as manager:
        report = (await spoken(manager, fallback=["free"])).report
    assert report.cost == pytest.approx(len("This is the first sentence of them."))


# --- budgets ----------------------------------------------------------------------------------------------


async def test_a_request_over_its_budget_is_refused_before_any_engine_is_asked() -> None:
    engine = FakeBackend(price=BY_CHARACTERS)
    async with hub(engine, budget={"per_request": 30}) as manager:
        with pytest.raises(BudgetExceededError, match=r"\$70\.00.*\$30\.00.*budget\.per_request"):
            await spoken(manager)
        assert engine.loads == 0
        assert (await spoken(manager, "Short.")).report.cost == 6


async def test_a_text_in_pieces_is_spoken_up_to_its_budget() -> None:
    async def written() -> AsyncGenerator[str, None]:
        for _ in range(9):
            yield "This is one more sentence. "
            await anyio.lowlevel.checkpoint()

    async with hub(FakeBackend(price=BY_CHARACTERS), budget={"per_request": 60}) as manager:
        audio = await manager.generate(written(), model="fake")
        seconds = 0.0
        with pytest.raises(BudgetExceededError):
            async for chunk in audio:
                seconds += chunk.seconds
        await audio.aclose()
    assert audio.report.cost <= 60
    assert audio.report.segments == 2
    assert seconds > 1


async def test_with_a_budget_the_text_is_segmented_once(monkeypatch: pytest.MonkeyPatch) -> None:
    segmented: list[object] = []

    def counted(text: Any, **rules: Any) -> AsyncGenerator[Segment, None]:
        segmented.append(text)
        return segments_of(text, **rules)

    monkeypatch.setattr("tts_hub.text.source.segments_of", counted)
    engine = FakeBackend(price=BY_CHARACTERS)
    async with hub(engine, budget={"per_request": 1_000}) as manager:
        audio = await spoken(manager)
    assert segmented == [TEXT]
    first, second = "This is the first sentence of them.", "And here is the second one of them."
    assert [request.text for request in engine.requests] == [first, second]
    assert audio.report.cost == pytest.approx(len(TEXT) - 1)


async def test_an_engine_that_is_too_expensive_does_not_take_over() -> None:
    broken = FakeBackend(script=FakeScript(fail_at={0: 0}))
    dear, cheap = FakeBackend(name="dear", price=BY_CHARACTERS), FakeBackend(name="cheap")
    async with hub(broken, dear, cheap, budget={"per_request": 1}) as manager:
        report = (await spoken(manager, fallback=["dear", "cheap"])).report
        assert report.backend == "cheap"
        assert dear.loads == 0
        with pytest.raises(BackendError, match=r"dear.*was skipped"):
            await spoken(manager, fallback=["dear"])


async def test_a_day_has_its_budget_for_all_and_over_restarts(tmp_path: Path) -> None:
    budget = {"per_day": 100, "folder": str(tmp_path)}
    async with hub(FakeBackend(price=BY_CHARACTERS), budget=budget) as manager:
        await spoken(manager)
    assert Ledger(tmp_path).spent(today()) == pytest.approx(len(TEXT) - 1)
    async with hub(FakeBackend(price=BY_CHARACTERS), budget=budget) as manager:
        with pytest.raises(BudgetExceededError, match=r"budget\.per_day"):
            await spoken(manager)
        await spoken(manager, "Short.")
    assert Ledger(tmp_path).spent(today()) == pytest.approx(len(TEXT) - 1 + 6)


async def test_a_reserve_that_is_not_used_is_given_back(tmp_path: Path) -> None:
    script = FakeScript(usage={0: Usage(credits=1), 1: Usage(credits=1)})
    engine = FakeBackend(price=BY_CREDITS, script=script)
    async with hub(engine, budget={"per_day": 1, "folder": str(tmp_path)}) as manager:
        await spoken(manager)
    assert Ledger(tmp_path).spent(today()) == pytest.approx(2 * 100 / 1e6)


async def test_nothing_is_written_for_free_speech_or_without_a_budget(tmp_path: Path) -> None:
    async with hub(FakeBackend(), budget={"per_day": 1, "folder": str(tmp_path)}) as manager:
        await spoken(manager)
    async with hub(FakeBackend(price=BY_CHARACTERS), budget={"folder": str(tmp_path)}) as manager:
        await spoken(manager)
    assert not (tmp_path / FILE_NAME).exists()


async def test_a_day_that_cannot_be_kept_costs_nothing(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text("this is no database, and is longer than one page would need")
    engine = FakeBackend(price=BY_CHARACTERS)
    async with hub(engine, budget={"per_day": 1000, "folder": str(tmp_path)}) as manager:
        with pytest.raises(OutputError, match="cannot keep what was spent"):
            await spoken(manager)
    assert engine.loads == 0


def test_programs_side_by_side_do_not_lose_each_other_s_sums(tmp_path: Path) -> None:
    def spend() -> None:
        for _ in range(20):
            Ledger(tmp_path).reserve(DAY, 0.5, 1000)

    threads = [threading.Thread(target=spend) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Ledger(tmp_path).spent(DAY) == pytest.approx(40)
    with pytest.raises(BudgetExceededError):
        Ledger(tmp_path).reserve(DAY, 961, 1000)
    assert Ledger(tmp_path).spent(DAY + dt.timedelta(days=1)) == 0


SUMS: tuple[Any, ...] = ("12", "lots", -1, -0.01, math.nan, math.inf, True, None)


@pytest.mark.parametrize("dollars", SUMS, ids=repr)
def test_an_invalid_sum_is_not_counted(dollars: Any, tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.reserve(DAY, 2.0, 10)
    with pytest.raises(UsageError, match="not a sum of money"):
        ledger.reserve(DAY, dollars, 10)
    assert ledger.spent(DAY) == 2.0


@pytest.mark.parametrize("dollars", [sum_ for sum_ in SUMS if sum_ not in {-1, -0.01}], ids=repr)
def test_an_invalid_sum_corrects_nothing(dollars: Any, tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.reserve(DAY, 2.0, 10)
    with pytest.raises(UsageError, match="not a sum of money"):
        ledger.correct(DAY, dollars)
    ledger.correct(DAY, -0.5)
    assert ledger.spent(DAY) == 1.5


@pytest.mark.parametrize("kept", ["lots", "12", -5, -0.5, b"1", 1e300])
async def test_a_day_with_an_invalid_sum_is_an_error_and_loads_no_engine(kept: Any, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as file:
        file.execute("CREATE TABLE spent (day TEXT PRIMARY KEY, dollars NOT NULL)")
        file.execute("INSERT INTO spent VALUES (?, ?)", (today().isoformat(), kept))
        file.commit()
    engine = FakeBackend(price=BY_CHARACTERS)
    async with hub(engine, budget={"per_day": 1000, "folder": str(tmp_path)}) as manager:
        with pytest.raises(OutputError, match="delete that row"):
            await spoken(manager)
    assert engine.loads == 0


@pytest.mark.parametrize("dollars", SUMS[2:7], ids=repr)
async def test_a_price_that_comes_to_no_sum_of_money_is_not_paid(dollars: Any) -> None:
    class Odd(Price):
        def estimate(self, work: Work) -> Bounds:
            return Bounds(dollars, dollars, dollars)

    engine = FakeBackend(price=Odd(per_million_characters=1))
    async with hub(engine, budget={"per_request": 1}) as manager:
        with pytest.raises(TTSHubError, match="not a sum of money"):
            await spoken(manager)
    assert not engine.requests


@pytest.mark.parametrize("dollars", SUMS, ids=repr)
async def test_a_cost_that_is_no_sum_of_money_counts_as_what_was_held_back(dollars: Any) -> None:
    class Odd(Price):
        def cost(self, usage: Usage, work: Work) -> Cost:
            return Cost(dollars)

    async with hub(FakeBackend(price=Odd(per_million_characters=1e6))) as manager:
        report = (await spoken(manager)).report
        assert report.cost == pytest.approx(len(TEXT) - 1)
        assert report.cost_estimated
