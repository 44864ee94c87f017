"""The plan of a benchmark: which faces, texts, formats and loads are measured."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from tts_hub.bench.judging import Expectation, expect
from tts_hub.bench.result import Cell, Result, this_machine
from tts_hub.bench.running import Load, run_alternating, run_cell, warm_up
from tts_hub.bench.targets import TIMEOUT, Job, LibraryTarget, Setup, Target
from tts_hub.bench.texts import BenchText, bench_text
from tts_hub.errors import TTSHubError, UnsupportedOptionError, one_of
from tts_hub.manager import TTSBackendManager

LIBRARY = "library"
HTTP = "http"


@dataclass(frozen=True, slots=True)
class Side:
    """One configuration: the face, and what is asked of it."""

    target: str = LIBRARY
    """`library`, `http` (our own server), or the base URL of any server, up to and with `/v1`."""
    model: str = "auto"
    voice: str | None = None
    api_key: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """One run of the benchmark."""

    sides: tuple[Side, ...]
    versus: Side | None = None
    """Another side, measured in turns with the only one of `sides`."""
    texts: tuple[str, ...] = ("sentence",)
    formats: tuple[str, ...] = ("wav",)
    loads: tuple[Load, ...] = (Load(),)
    warm_up: int = 2
    """Rounds before the clock starts; each has one request of every stream."""
    timeout: float = TIMEOUT
    """Seconds that one request may take."""
    seed: int = 1
    command: str = "tts-hub bench"
    config_file: Path | None = None

    @property
    def requests(self) -> int:
        """The number of requests, without those that warm up."""
        cells = len(_all_sides(self)) * len(self.texts) * len(self.formats)
        return cells * sum(_requests_of(self, load) for load in self.loads)


class Watcher:
    """Callbacks during a run; these do nothing."""

    def on_phase(self, what: str) -> None:
        """A cell begins, or its warm-up; `what` says it in words."""

    def on_request(self) -> None:
        """One request is over."""

    def on_cell(self, cell: Cell) -> None:
        """A cell is measured."""


def side_with(side: Side, assignments: Sequence[str]) -> Side:
    """A side with other values; each assignment is `name=value`.

    Raises:
        UnsupportedOptionError: no such name.
    """
    names = list(Side.__dataclass_fields__)
    for assignment in assignments:
        name, _, value = assignment.partition("=")
        if name not in names or not value:
            message = f"{assignment!r} is not of the form NAME=VALUE; {one_of(name, names)}"
            raise UnsupportedOptionError(message, param="versus")
        side = replace(side, **{name: value})
    return side


async def run_plan(plan: Plan, watcher: Watcher | None = None) -> Result:
    """Measure all cells of a plan.

    Raises:
        TTSHubError: a face cannot be reached, or refuses the very first requests. A later failure is in its
            cell: it does not undo what has been measured.
    """
    watcher = watcher or Watcher()
    began = datetime.now(UTC).isoformat(timespec="seconds")
    cells: list[Cell] = []
    texts = [bench_text(name) for name in plan.texts]
    async with AsyncExitStack() as stack:
        sides = [(s, await stack.enter_async_context(_target(s, plan))) for s in _all_sides(plan)]
        for response_format in plan.formats:
            for text in texts:
                setups = [
                    Setup(
                        "AB"[number] if plan.versus else "A",
                        target,
                        Job(side.model, side.voice, response_format),
                        plan.timeout,
                    )
                    for number, (side, target) in enumerate(sides)
                ]
                async for cell in _cells(plan, setups, text, watcher, nothing_yet=not cells):
                    cells.append(cell)
                    watcher.on_cell(cell)
    return Result(command=plan.command, seed=plan.seed, began=began, machine=this_machine(), cells=cells)


async def _cells(
    plan: Plan, setups: Sequence[Setup], text: BenchText, watcher: Watcher, *, nothing_yet: bool
) -> AsyncGenerator[Cell, None]:
    what = f"{text.name} {setups[0].job.response_format}"
    watcher.on_phase(f"{what}, warming up")
    expectations: list[Expectation] = []
    for setup in setups:
        try:
            expectations.append(await expect(setup, text))
        except TTSHubError as exc:
            if nothing_yet:
                raise
            expectations.append(Expectation.none(f"its sentences one by one: {exc}"))
    for load in plan.loads:
        watcher.on_phase(f"{what}, warming up")
        for setup in setups:
            for _ in range(plan.warm_up):
                await warm_up(setup, text, load)
        watcher.on_phase(f"{what}, measuring")
        async for cell in _measured(plan, setups, text, load, expectations, watcher.on_request):
            yield cell


async def _measured(  # noqa: PLR0917
    plan: Plan,
    setups: Sequence[Setup],
    text: BenchText,
    load: Load,
    expectations: Sequence[Expectation],
    done: Callable[[], None],
) -> AsyncGenerator[Cell, None]:
    if plan.versus is not None:
        for cell in await run_alternating(setups, text, load, expectations, seed=plan.seed, on_request=done):
            yield cell
        return
    for setup, expectation in zip(setups, expectations, strict=True):
        yield await run_cell(setup, text, load, expectation, seed=plan.seed, on_request=done)


def _requests_of(plan: Plan, load: Load) -> int:
    if plan.versus is None:
        return load.requests
    turns, once = load.turns()
    return turns * once.requests


def _all_sides(plan: Plan) -> tuple[Side, ...]:
    return plan.sides if plan.versus is None else (plan.sides[0], plan.versus)


@asynccontextmanager
async def _target(side: Side, plan: Plan) -> AsyncGenerator[Target, None]:
    if side.target == LIBRARY:
        async with TTSBackendManager.from_config(plan.config_file) as manager:
            yield LibraryTarget(manager)
        return
    if side.target != HTTP and not side.target.startswith(("http://", "https://")):
        message = f"no target {side.target!r}; {one_of(side.target, [LIBRARY, HTTP])}, or a base URL"
        raise UnsupportedOptionError(message, param="target")
    # It needs httpx, which a plain installation lacks; the list of commands imports this module.
    from tts_hub.bench.servers import http_target, own_server

    if side.target == HTTP:
        async with own_server(plan.config_file) as server:
            yield server
    else:
        async with http_target(side.target, side.api_key) as server:
            yield server
