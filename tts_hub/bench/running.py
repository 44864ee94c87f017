"""Making the requests: warm-up, closed loop, open loop; nothing is decoded while the clock runs."""

from __future__ import annotations

import math
import os
import random
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import anyio

from tts_hub.bench.arrivals import Part
from tts_hub.bench.bodies import Bodies
from tts_hub.bench.judging import Expectation, Outcome, judge, without_cut
from tts_hub.bench.process import Usage, usage_of, yardstick
from tts_hub.bench.result import Cell
from tts_hub.bench.targets import Setup
from tts_hub.bench.texts import BenchText
from tts_hub.errors import TTSHubError

SAMPLING_SECONDS = 0.2
"""Seconds between two looks at the memory."""
YARDSTICKS = 3
"""Measurements of the yardstick before each cell, and again after it."""
OPEN_TURNS = 10
"""The number of turns that an open loop is cut into when two sides are compared."""


@dataclass(frozen=True, slots=True)
class Load:
    """The number of requests, and their timing."""

    streams: int | None = 1
    """Streams at once, each starting again when it is done."""
    rate: float | None = None
    """Requests a second at random (Poisson) times, instead of `streams`."""
    requests: int = 10

    def turns(self) -> tuple[int, Load]:
        """The number of turns of two sides, and the load of one turn: one request of every stream."""
        size = math.ceil(self.requests / OPEN_TURNS) if self.rate is not None else self.streams or 1
        return math.ceil(self.requests / size), replace(self, requests=size)


async def warm_up(setup: Setup, text: BenchText, load: Load) -> None:
    """Make one request of every stream at once: each needs a connection and a place in the engine first."""

    async def once() -> None:
        try:
            await setup.speak(text)
        except TTSHubError:
            return  # it will fail again when it counts

    async with anyio.create_task_group() as tasks:
        for _ in range(load.streams or 1):
            tasks.start_soon(once)


async def run_cell(
    setup: Setup,
    text: BenchText,
    load: Load,
    expectation: Expectation,
    *,
    seed: int,
    turn: int = 0,
    on_request: Callable[[], None] = lambda: None,
) -> Cell:
    """Make all requests of one cell, then measure them."""
    busy = [yardstick() for _ in range(YARDSTICKS)]
    with Bodies() as bodies:
        run = _Run(setup, text, bodies, on_request)
        async with run.measured():
            if load.rate is not None:
                await run.open_loop(load.rate, load.requests, random.Random(seed))  # noqa: S311 - no secrets
            else:
                await run.closed_loop(load.streams or 1, load.requests)
        busy += [yardstick() for _ in range(YARDSTICKS)]
        samples, failures = await judge(run.outcomes, bodies, setup, expectation, turn)
    return Cell(
        configuration=setup.label,
        target=setup.target.name,
        model=setup.job.model,
        voice=setup.job.voice,
        response_format=setup.job.response_format,
        text=text.name,
        streams=None if load.rate is not None else load.streams,
        rate=load.rate,
        samples=samples,
        failures=failures,
        wall_seconds=run.wall_seconds,
        cpu_seconds=run.cpu_seconds,
        client_cpu_seconds=run.client_cpu_seconds,
        peak_memory_mb=run.peak_memory_mb,
        yardsticks=busy,
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
    """Measure sides in turns, A B A B: other work of the machine slows both alike."""
    turns, once = load.turns()
    cells: list[list[Cell]] = [[] for _ in setups]
    for turn in range(turns):
        for setup, expectation, done in zip(setups, expectations, cells, strict=True):
            done.append(
                await run_cell(
                    setup, text, once, expectation, seed=seed + turn, turn=turn, on_request=on_request
                )
            )
    return [_merged(side) for side in cells]


class _Run:
    """The requests of one cell, and the figures that are gathered while the clock runs."""

    def __init__(self, setup: Setup, text: BenchText, bodies: Bodies, on_request: Callable[[], None]) -> None:
        self.outcomes: list[Outcome] = []
        self.wall_seconds = 0.0
        self.cpu_seconds: float | None = None
        self.client_cpu_seconds: float | None = None
        self.peak_memory_mb: float | None = None
        self._setup = setup
        self._text = text
        self._bodies = bodies
        self._on_request = on_request

    @asynccontextmanager
    async def measured(self) -> AsyncGenerator[None, None]:
        """Measure time, CPU and memory of the block."""
        pid = self._setup.target.pid
        before, ours, began = usage_of(pid), time.process_time(), time.perf_counter()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._watch_memory, pid)
            yield
            tasks.cancel_scope.cancel()
        self.wall_seconds = time.perf_counter() - began
        self.cpu_seconds = _difference(before, usage_of(pid))
        if pid != os.getpid():
            self.client_cpu_seconds = time.process_time() - ours

    async def closed_loop(self, streams: int, requests: int) -> None:
        """Make requests in `streams` streams, each starting again when it is done."""
        left = iter(range(requests))

        async def stream() -> None:
            for _ in left:
                await self._request()

        async with anyio.create_task_group() as tasks:
            for _ in range(streams):
                tasks.start_soon(stream)

    async def open_loop(self, rate: float, requests: int, chance: random.Random) -> None:
        """Make requests at times that do not depend on the answers to the others."""
        due = time.perf_counter()
        async with anyio.create_task_group() as tasks:
            for _ in range(requests):
                await anyio.sleep(max(0.0, due - time.perf_counter()))
                tasks.start_soon(self._request, due)
                due += chance.expovariate(rate)

    async def _request(self, due: float | None = None) -> None:
        """Make one request. Times count from when it was due: a late start must not make it look fast."""
        outcome = Outcome()
        self.outcomes.append(outcome)
        late = 0.0 if due is None else time.perf_counter() - due
        try:
            parts = await self._setup.speak(self._text)
            outcome.body = await self._bodies.keep([Part(late + part.at, part.data) for part in parts])
        except TTSHubError as exc:
            outcome.failure = f"{type(exc).__name__}: {exc}"
        self._on_request()

    async def _watch_memory(self, pid: int | None) -> None:
        while True:
            usage = usage_of(pid)
            if usage is None:
                return
            self.peak_memory_mb = max(self.peak_memory_mb or 0.0, usage.memory_mb)
            await anyio.sleep(SAMPLING_SECONDS)


def _difference(before: Usage | None, after: Usage | None) -> float | None:
    return after.cpu_seconds - before.cpu_seconds if before and after else None


def _merged(turns: Sequence[Cell]) -> Cell:
    """The turns of one side as one cell."""
    samples, failures = without_cut(
        [sample for cell in turns for sample in cell.samples],
        [failure for cell in turns for failure in cell.failures],
    )
    memory = [cell.peak_memory_mb for cell in turns if cell.peak_memory_mb is not None]
    whole = turns[0].model_dump() | {
        "samples": samples,
        "failures": failures,
        "wall_seconds": sum(cell.wall_seconds for cell in turns),
        "cpu_seconds": _sum([cell.cpu_seconds for cell in turns]),
        "client_cpu_seconds": _sum([cell.client_cpu_seconds for cell in turns]),
        "peak_memory_mb": max(memory, default=None),
        "yardsticks": [seconds for cell in turns for seconds in cell.yardsticks],
    }
    return Cell.model_validate(whole)


def _sum(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
