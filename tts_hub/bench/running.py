"""Making the requests: warm-up, closed loop, open loop; nothing is decoded while the clock runs."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import anyio

from tts_hub.bench import measures
from tts_hub.bench.arrivals import Decoded, Part, decode
from tts_hub.bench.process import Usage, usage_of
from tts_hub.bench.result import Cell, Sample
from tts_hub.bench.targets import Job, Target
from tts_hub.bench.texts import BenchText
from tts_hub.errors import AudioError, TTSHubError
from tts_hub.text.segment import Segmenter

LEAST_OF_PARTS = 0.7
"""A text spoken whole must be at least so long, in terms of its sentences spoken one by one."""
CHARACTERS_PER_SECOND = (2.0, 45.0)
"""Slower or faster is no speech, in any of the languages of the texts."""
SAMPLING_SECONDS = 0.2
"""How often memory is looked at."""


@dataclass(frozen=True, slots=True)
class Load:
    """How the requests come."""

    streams: int | None = 1
    """At once, each beginning anew when it is done."""
    rate: float | None = None
    """Requests a second instead, at random (Poisson) times."""
    requests: int = 10


@dataclass(frozen=True, slots=True)
class Setup:
    """One side of a benchmark: which face, and what is asked of it."""

    label: str
    target: Target
    job: Job


@dataclass(slots=True)
class Expectation:
    """How long a text must at least be, and at most can be."""

    least: float
    most: float

    def complaint(self, seconds: float) -> str:
        """What is wrong with a length; empty when nothing is."""
        if seconds < self.least:
            return f"too short: {seconds:.2f} s of audio, at least {self.least:.2f} s were expected"
        if seconds > self.most:
            return f"too long: {seconds:.2f} s of audio, at most {self.most:.2f} s were expected"
        return ""


@dataclass(slots=True)
class _Outcome:
    parts: list[Part] = field(default_factory=list)
    failure: str = ""


async def expect(setup: Setup, text: BenchText) -> Expectation:
    """Speak the sentences of a text one by one: whoever truncates the whole is caught by its parts.

    Also warms the engine up for this text.
    """
    slowest, fastest = CHARACTERS_PER_SECOND
    characters = len(text.text)
    least, most = characters / fastest, max(2.0, characters / slowest)
    segmenter = Segmenter(language=text.language)
    sentences = [s.text for s in segmenter.push(text.text) + segmenter.finish() if s.text]
    total = 0.0
    for sentence in sentences:
        parts = await setup.target.speak(setup.job, BenchText(text.name, sentence, text.language))
        total += (await _decoded(parts, setup.job)).seconds
    return Expectation(max(least, LEAST_OF_PARTS * total), most)


async def run_cell(
    setup: Setup,
    text: BenchText,
    load: Load,
    expectation: Expectation,
    *,
    seed: int,
    on_request: Callable[[], None] = lambda: None,
) -> Cell:
    """All requests of one cell, then their measures."""
    cell, before = _Cell(), usage_of(setup.target.pid)
    began = time.perf_counter()
    async with anyio.create_task_group() as watching:
        watching.start_soon(cell.watch_memory, setup.target.pid)
        if load.rate is not None:
            await _open_loop(setup, text, load, seed, cell, on_request)
        else:
            await _closed_loop(setup, text, load, cell, on_request)
        watching.cancel_scope.cancel()
    wall, after = time.perf_counter() - began, usage_of(setup.target.pid)
    samples, failures = await _judge(cell.outcomes, setup.job, expectation)
    return Cell(
        configuration=setup.label,
        target=setup.target.name,
        model=setup.job.model,
        response_format=setup.job.response_format,
        text=text.name,
        streams=None if load.rate is not None else load.streams,
        rate=load.rate,
        samples=samples,
        failures=failures,
        wall_seconds=wall,
        cpu_seconds=_difference(before, after),
        peak_memory_mb=cell.peak_memory_mb,
    )


async def run_alternating(
    setups: Sequence[Setup],
    text: BenchText,
    load: Load,
    expectations: Sequence[Expectation],
    *,
    seed: int,
    on_request: Callable[[], None] = lambda: None,
) -> list[Cell]:
    """A B A B: what the machine does meanwhile hits both alike; samples are pairs by their order."""
    once = Load(streams=load.streams, requests=load.streams or 1)
    rounds = max(1, load.requests // (load.streams or 1))
    cells: list[list[Cell]] = [[] for _ in setups]
    for number in range(rounds):
        for side, setup in enumerate(setups):
            cells[side].append(
                await run_cell(
                    setup, text, once, expectations[side], seed=seed + number, on_request=on_request
                )
            )
    return [_merged(side) for side in cells]


async def _closed_loop(
    setup: Setup, text: BenchText, load: Load, cell: _Cell, on_request: Callable[[], None]
) -> None:
    left = iter(range(load.requests))

    async def stream() -> None:
        for _ in left:
            await cell.request(setup, text)
            on_request()

    async with anyio.create_task_group() as tasks:
        for _ in range(load.streams or 1):
            tasks.start_soon(stream)


async def _open_loop(  # noqa: PLR0917
    setup: Setup, text: BenchText, load: Load, seed: int, cell: _Cell, on_request: Callable[[], None]
) -> None:
    chance = random.Random(seed)  # noqa: S311 - arrival times, not secrets

    async def one() -> None:
        await cell.request(setup, text)
        on_request()

    async with anyio.create_task_group() as tasks:
        for _ in range(load.requests):
            tasks.start_soon(one)
            await anyio.sleep(chance.expovariate(load.rate or 1.0))


class _Cell:
    """What is gathered while the clock runs."""

    def __init__(self) -> None:
        self.outcomes: list[_Outcome] = []
        self.peak_memory_mb: float | None = None

    async def request(self, setup: Setup, text: BenchText) -> None:
        outcome = _Outcome()
        self.outcomes.append(outcome)
        try:
            outcome.parts = await setup.target.speak(setup.job, text)
        except TTSHubError as exc:
            outcome.failure = f"{type(exc).__name__}: {exc}"

    async def watch_memory(self, pid: int | None) -> None:
        while True:
            usage = usage_of(pid)
            if usage is None:
                return
            self.peak_memory_mb = max(self.peak_memory_mb or 0.0, usage.memory_mb)
            await anyio.sleep(SAMPLING_SECONDS)


async def _judge(
    outcomes: Sequence[_Outcome], job: Job, expectation: Expectation
) -> tuple[list[Sample], list[str]]:
    """Decode every stream; a broken or short one is a failure and never a fast one."""
    samples: list[Sample] = []
    failures: list[str] = []
    for outcome in outcomes:
        if outcome.failure:
            failures.append(outcome.failure)
            continue
        try:
            decoded = await _decoded(outcome.parts, job)
        except AudioError as exc:
            failures.append(f"broken: {exc}")
            continue
        complaint = expectation.complaint(decoded.seconds)
        if complaint:
            failures.append(complaint)
        else:
            samples.append(sample_of(outcome.parts, decoded))
    return samples, failures


def sample_of(parts: Sequence[Part], decoded: Decoded) -> Sample:
    """All measures of one request."""
    dry = measures.underruns(decoded.timeline)
    return Sample(
        first_byte=measures.first_byte(parts),
        first_audio=measures.first_audio(decoded),
        first_audible=measures.first_audible(decoded),
        total=measures.total(parts),
        audio_seconds=decoded.seconds,
        real_time_factor=measures.real_time_factor(parts, decoded),
        longest_gap=max(measures.gaps(parts), default=0.0),
        underruns=dry.count,
        underrun_seconds=dry.seconds,
        encoded_bytes=sum(len(part.data) for part in parts),
    )


async def _decoded(parts: Sequence[Part], job: Job) -> Decoded:
    return await anyio.to_thread.run_sync(decode, parts, job.response_format)


def _difference(before: Usage | None, after: Usage | None) -> float | None:
    return after.cpu_seconds - before.cpu_seconds if before and after else None


def _merged(cells: Sequence[Cell]) -> Cell:
    cpu = [cell.cpu_seconds for cell in cells if cell.cpu_seconds is not None]
    memory = [cell.peak_memory_mb for cell in cells if cell.peak_memory_mb is not None]
    return cells[0].model_copy(
        update={
            "samples": [sample for cell in cells for sample in cell.samples],
            "failures": [failure for cell in cells for failure in cell.failures],
            "wall_seconds": sum(cell.wall_seconds for cell in cells),
            "cpu_seconds": sum(cpu) if cpu else None,
            "peak_memory_mb": max(memory, default=None),
        }
    )
