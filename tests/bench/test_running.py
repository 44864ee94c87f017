"""The benchmark catches what a listener would notice, and never rewards a broken stream."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from tts_hub import AudioChunk, SegmentRequest, TTSBackendManager
from tts_hub.bench.comparing import compare, compare_cells
from tts_hub.bench.plan import Plan, Side, run_plan, side_with
from tts_hub.bench.plot import plot
from tts_hub.bench.result import Cell, Result, Sample, load, save, this_machine
from tts_hub.bench.judging import expect
from tts_hub.bench.running import Load, run_alternating, run_cell
from tts_hub.bench.tables import HEAD, markdown, row
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
        """Silently stops after one second of each request, as some do at their token limit."""

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


async def test_an_open_loop_keeps_its_rate_whatever_the_engine_does() -> None:
    cell = await measure(FakeBackend(script=FakeScript(first_chunk_delay=0.05)), Load(None, 40.0, 20))
    assert len(cell.samples) == 20
    assert cell.wall_seconds > 0.1
    assert row(cell)[4] == "40/s"


async def test_a_slower_side_is_told_from_noise_and_an_equal_one_is_not() -> None:
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


def cell_of(times: list[float], streams: int = 1) -> Cell:
    samples = [
        Sample(
            first_byte=t,
            first_audio=t,
            first_audible=t,
            total=t,
            audio_seconds=1.0,
            real_time_factor=t,
            longest_gap=t,
            underruns=0,
            underrun_seconds=0.0,
            encoded_bytes=10,
        )
        for t in times
    ]
    return Cell(
        configuration="A",
        target="library",
        model="m",
        response_format="wav",
        text="word",
        streams=streams,
        rate=None,
        samples=samples,
        failures=[],
        wall_seconds=1.0,
        cpu_seconds=None,
        peak_memory_mb=None,
        client_cpu_seconds=None,
        yardsticks=[0.01],
    )


def result_of(*cells: Cell) -> Result:
    return Result(command="x", seed=1, began="now", machine=this_machine(), cells=list(cells))


def test_compare_says_plainly_what_is_noise() -> None:
    a = result_of(cell_of([1.0, 1.1, 0.9, 1.05, 0.95, 1.0]))
    noise = compare(a, result_of(cell_of([1.02, 1.08, 0.93, 1.0, 0.97, 1.01])))
    faster = compare(a, result_of(cell_of([0.5, 0.55, 0.45, 0.52, 0.48, 0.5])))
    assert {r.verdict for r in noise} == {"within noise"}
    assert {r.verdict for r in faster} == {"B is faster"}
    assert faster[0].low < faster[0].ratio < faster[0].high < 1


def test_a_result_survives_its_file(tmp_path: Path) -> None:
    result = result_of(cell_of([1.0, 2.0]))
    save(result, tmp_path / "a.json")
    assert load(tmp_path / "a.json") == result
    (tmp_path / "b.json").write_text('{"schema_version": 99}')
    with pytest.raises(ConfigError, match="schema 99"):
        load(tmp_path / "b.json")
    (tmp_path / "c.json").write_text("[]")
    with pytest.raises(ConfigError, match="not a result"):
        load(tmp_path / "c.json")


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


def test_unknown_names_are_told() -> None:
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
