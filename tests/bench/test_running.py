"""The benchmark catches what a person would notice, and never rewards a broken stream."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.bench.records import cell_of, result_of
from tts_hub import AudioChunk, SegmentRequest, TTSBackendManager
from tts_hub.bench.arrivals import Part
from tts_hub.bench.comparing import compare_cells
from tts_hub.bench.judging import expect, without_cut
from tts_hub.bench.plan import Plan, Side, Watcher, run_plan, side_with
from tts_hub.bench.plot import plot
from tts_hub.bench.result import Cell, Result
from tts_hub.bench.running import Load, run_alternating, run_cell
from tts_hub.bench.tables import HEAD, markdown, notes, row
from tts_hub.bench.targets import Job, LibraryTarget, Setup
from tts_hub.bench.texts import NAMES, BenchText, bench_text
from tts_hub.config import parse_config
from tts_hub.errors import ConfigError, UnsupportedOptionError
from tts_hub.testing import FakeBackend, FakeScript

pytestmark = pytest.mark.anyio
TEXT = bench_text("paragraph")


@asynccontextmanager
async def setup(backend: FakeBackend, label: str = "A") -> AsyncGenerator[Setup, None]:
    manager = TTSBackendManager(parse_config({"audio": {"loudness": "off"}}), discover=False)
    manager.register(backend)
    async with manager:
        yield Setup(label, LibraryTarget(manager), Job(model=backend.name))


async def measure(backend: FakeBackend, load: Load, text: BenchText = TEXT) -> Cell:
    async with setup(backend) as side:
        return await run_cell(side, text, load, await expect(side, text), seed=1)


async def test_a_good_engine_has_no_failures_and_no_underruns() -> None:
    cell = await measure(FakeBackend(), Load(streams=2, requests=6))
    assert (len(cell.samples), cell.failures) == (6, [])
    assert all(sample.underruns == 0 for sample in cell.samples)
    assert cell.cpu_seconds is not None
    assert (cell.peak_memory_mb or 0) > 10


async def test_an_engine_slower_than_speech_runs_the_player_dry() -> None:
    slow = FakeScript(seconds_per_word=0.6, chunk_seconds=0.05, chunk_delay=0.1)
    cell = await measure(FakeBackend(script=slow), Load(requests=1), bench_text("word"))
    (sample,) = cell.samples
    assert sample.real_time_factor > 1
    assert sample.underruns > 3
    assert sample.underrun_seconds > 0.3


async def test_an_engine_that_truncates_long_texts_fails() -> None:
    class Truncating(FakeBackend):
        """An engine that stops silently after one second of each request, as some do at their token limit."""

        async def generate_stream(
            self, request: SegmentRequest, on_progress: Any = None
        ) -> AsyncGenerator[AudioChunk, None]:
            if request.index < 2:
                async for chunk in super().generate_stream(request):
                    yield chunk
            else:
                yield AudioChunk(await self.click(), 24_000)

        async def click(self) -> Any:
            return (0.1 * (await anext(super().generate_stream(_word()))).samples)[:240]

    cell = await measure(Truncating(), Load(requests=3))
    assert not cell.samples
    assert all(failure.startswith("too short") for failure in cell.failures)
    assert len(cell.failures) == 3


async def test_a_stream_that_breaks_is_a_failure_and_no_fast_one() -> None:
    backend = FakeBackend()
    async with setup(backend) as side:
        expectation = await expect(side, TEXT)
        backend.script.fail_at = {2: 1}
        cell = await run_cell(side, TEXT, Load(requests=2), expectation, seed=1)
    assert not cell.samples
    assert all("scripted failure" in failure for failure in cell.failures)


async def test_lengths_that_always_differ_are_no_failure() -> None:
    samples = [cell_of([1.0]).samples[0].model_copy(update={"audio_seconds": 5 + n / 10}) for n in range(12)]
    assert without_cut(samples, []) == (samples, [])


async def test_a_request_without_an_end_is_a_failure() -> None:
    backend = FakeBackend()
    async with setup(backend) as side:
        expectation = await expect(side, TEXT)
        backend.script = FakeScript(first_chunk_delay=600.0)
        cell = await run_cell(replace(side, timeout=2.0), TEXT, Load(requests=1), expectation, seed=1)
    assert cell.failures == ["OutputError: library did not finish within 2 s"]


async def test_an_open_loop_keeps_its_rate_whatever_the_engine_does() -> None:
    cell = await measure(FakeBackend(script=FakeScript(first_chunk_delay=0.05)), Load(None, 40.0, 20))
    assert len(cell.samples) == 20
    assert cell.wall_seconds > 0.1
    assert row(cell)[4] == "40/s"


async def test_a_request_that_had_to_wait_for_the_benchmark_does_not_look_fast() -> None:
    class Blocking:
        """A side that keeps the event loop busy, so that the next requests begin late."""

        name = "blocking"
        pid: int | None = None

        def __init__(self, parts: list[Part]) -> None:
            self.parts = [Part(0.001, part.data) for part in parts]

        async def speak(self, job: Job, text: BenchText) -> list[Part]:
            time.sleep(0.05)  # noqa: ASYNC251 - that is what is wrong with it
            return self.parts

    async with setup(FakeBackend()) as side:
        expectation = await expect(side, TEXT)
        blocking = Setup("A", Blocking(await side.speak(TEXT)), side.job)
        cell = await run_cell(blocking, TEXT, Load(None, 100.0, 12), expectation, seed=1)
    assert not cell.failures
    assert cell.percentiles["first_byte"]["p95"] > 0.2


async def test_two_sides_take_turns_in_an_open_loop_too() -> None:
    async with setup(FakeBackend()) as a, setup(FakeBackend(), "B") as b:
        expectations = [await expect(side, TEXT) for side in (a, b)]
        load = Load(streams=None, rate=200.0, requests=20)
        cells = await run_alternating([a, b], TEXT, load, expectations, seed=1)
    assert [cell.load for cell in cells] == ["200/s", "200/s"]
    assert [sample.turn for sample in cells[0].samples] == [n // 2 for n in range(20)]


def test_every_turn_is_counted_beforehand() -> None:
    plan = Plan(sides=(Side(),), versus=Side(), loads=(Load(streams=8, requests=20),))
    assert plan.requests == 2 * 24


async def test_a_text_that_one_side_refuses_later_does_not_undo_what_was_measured() -> None:
    backend = FakeBackend()
    manager = TTSBackendManager(parse_config({}), discover=False)
    manager.register(backend)
    seen: list[Cell] = []

    class Breaking(Watcher):
        """A watcher that breaks the engine after the first text is measured."""

        def on_cell(self, cell: Cell) -> None:
            seen.append(cell)
            backend.script = FakeScript(fail_at={0: 0})

    @asynccontextmanager
    async def ours(*_: object) -> AsyncGenerator[LibraryTarget, None]:
        async with manager:
            yield LibraryTarget(manager)

    plan = Plan(sides=(Side(model=backend.name),), texts=("word", "sentence"), loads=(Load(requests=3),))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tts_hub.bench.plan._target", ours)
        result = await run_plan(plan, Breaking())
    assert [(len(cell.samples), len(cell.failures)) for cell in result.cells] == [(3, 0), (0, 3)]


async def test_a_slower_side_is_distinguished_from_noise_and_an_equal_one_is_not() -> None:
    slow = FakeBackend(script=FakeScript(first_chunk_delay=0.03))
    async with setup(FakeBackend()) as a, setup(FakeBackend(), "B") as same, setup(slow, "B") as slower:
        loads = Load(requests=12)
        expectations = [await expect(side, TEXT) for side in (a, same)]
        equal = await run_alternating([a, same], TEXT, loads, expectations, seed=1)
        unequal = await run_alternating([a, slower], TEXT, loads, expectations, seed=1)
    by_measure = {r.measure: r for r in compare_cells(*unequal, paired=True)}
    assert by_measure["first_audio"].verdict == "B is slower"
    assert by_measure["first_audio"].ratio > 1.5
    assert all(0.5 < r.ratio < 2 for r in compare_cells(*equal, paired=True))


async def test_a_plan_measures_the_server_with_the_same_code() -> None:
    result = await run_plan(Plan(sides=(Side("library"), Side("http")), loads=(Load(requests=3),)))
    assert [cell.target for cell in result.cells] == ["library", "http"]
    assert all(len(cell.samples) == 3 and not cell.failures for cell in result.cells)


def test_a_result_survives_its_file(tmp_path: Path) -> None:
    result = result_of(cell_of([1.0, 2.0]))
    result.save(tmp_path / "a.json")
    assert Result.load(tmp_path / "a.json") == result
    (tmp_path / "b.json").write_text('{"schema_version": 99}')
    with pytest.raises(ConfigError, match="schema 99"):
        Result.load(tmp_path / "b.json")
    (tmp_path / "c.json").write_text("[]")
    with pytest.raises(ConfigError, match="not a result"):
        Result.load(tmp_path / "c.json")


def test_percentiles_are_in_the_file_and_cannot_contradict_the_samples(tmp_path: Path) -> None:
    result_of(cell_of([float(n) for n in range(101)])).save(tmp_path / "a.json")
    values = json.loads((tmp_path / "a.json").read_text())
    found = values["cells"][0]["percentiles"]
    assert found["first_audible"] == {"p50": 50, "p90": 90, "p95": 95, "p99": 99}
    assert {"first_byte", "first_audio", "total", "real_time_factor", "longest_gap"} < found.keys()
    found["first_audible"]["p50"] = 1.0
    (tmp_path / "a.json").write_text(json.dumps(values))
    assert Result.load(tmp_path / "a.json").cells[0].percentiles["first_audible"]["p50"] == 50


def test_failures_of_one_kind_are_reported_once_and_counted() -> None:
    broken = cell_of([1.0]).model_copy(update={"failures": ["too short"] * 3 + ["broken"]})
    assert list(notes([broken])) == [
        "failure: library wav word 1 stream: 3 x too short",
        "failure: library wav word 1 stream: 1 x broken",
    ]


def test_a_benchmark_that_was_busy_itself_says_so() -> None:
    busy = cell_of([1.0]).model_copy(update={"client_cpu_seconds": 0.8})
    assert "busy for 80%" in next(iter(notes([busy])))


def test_the_table_has_a_cell_for_each_head_and_says_what_failed() -> None:
    broken = cell_of([]).model_copy(update={"failures": ["too short"]})
    assert len(row(cell_of([1.0]))) == len(row(broken)) == len(HEAD)
    assert "0/1" in row(broken)
    assert "too short" in markdown(result_of(broken))


@pytest.mark.parametrize("suffix", ["png", "svg"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_picture_is_drawn(suffix: str, tmp_path: Path) -> None:
    plot(result_of(cell_of([0.1, 0.2]), cell_of([0.2, 0.3], streams=4)), tmp_path / f"a.{suffix}")
    assert (tmp_path / f"a.{suffix}").stat().st_size > 1_000


@pytest.mark.parametrize("name", NAMES)
def test_every_text_is_there(name: str) -> None:
    text = bench_text(name)
    assert text.text.strip() == text.text != ""


def test_unknown_names_are_errors() -> None:
    with pytest.raises(UnsupportedOptionError, match="did you mean 'sentence'"):
        bench_text("sentense")
    with pytest.raises(UnsupportedOptionError, match="did you mean 'model'"):
        side_with(Side(), ["modle=x"])


def _word() -> SegmentRequest:
    from tts_hub import Voice

    return SegmentRequest("word", Voice("low", "Low", "en-US"))


async def test_a_running_plan_can_be_cancelled() -> None:
    with anyio.move_on_after(1.5) as scope:
        await run_plan(Plan(sides=(Side("http"),), loads=(Load(requests=100_000),)))
    assert scope.cancelled_caught
