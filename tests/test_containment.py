"""Exceptions of other people's code are contained; Ctrl-C, which a person means, is not."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from functools import partial
from types import FrameType

import anyio
import pytest

from tts_hub.containment import MOST_DESCRIBED, contained, contained_call, described, ended_within


@pytest.fixture
def usual_ctrl_c() -> Generator[None, None, None]:
    """Python's own handler of Ctrl-C, in whatever program the tests run."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("usual_ctrl_c")
@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, GeneratorExit, MemoryError])
def test_an_exception_of_other_code_is_contained(error: type[BaseException]) -> None:
    failures: list[BaseException] = []
    with contained_call(failures.append):
        raise error
    assert [type(failure) for failure in failures] == [error]


def wait_in_python() -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        pass


@pytest.mark.usefixtures("usual_ctrl_c")
@pytest.mark.parametrize("wait", [partial(time.sleep, 30), wait_in_python])
def test_ctrl_c_in_the_middle_of_such_code_passes(wait: partial[None]) -> None:
    failures: list[BaseException] = []
    with pytest.raises(KeyboardInterrupt), contained_call(failures.append):
        os.kill(os.getpid(), signal.SIGINT)
        wait()
    assert not failures


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
def test_an_exception_of_a_program_s_own_handler_passes(error: type[BaseException]) -> None:
    def end(number: int, frame: FrameType | None) -> None:
        raise error

    before = signal.signal(signal.SIGTERM, end)
    try:
        with pytest.raises(error), contained_call(lambda exc: None):
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(30)
    finally:
        signal.signal(signal.SIGTERM, before)


PROGRAM = """
import asyncio, os, signal, time
from tts_hub.containment import contained

async def main():
    async with contained(lambda exc: print("contained", type(exc).__name__)):
        raise KeyboardInterrupt
    os.kill(os.getpid(), signal.SIGINT)
    try:
        async with contained(lambda exc: print("wrong")):
            await asyncio.sleep(30)
    except asyncio.CancelledError:
        print("cancelled")
    async with contained(lambda exc: print("wrong")):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(30)

try:
    asyncio.run(main())
except KeyboardInterrupt:
    print("interrupted")
"""


def test_ctrl_c_once_and_twice_ends_a_program_of_asyncio() -> None:
    ran = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["contained", "KeyboardInterrupt", "cancelled", "interrupted"]


@pytest.mark.anyio
async def test_a_cancellation_of_ours_passes_and_one_of_theirs_does_not() -> None:
    failures: list[BaseException] = []
    with anyio.move_on_after(0) as scope:
        async with contained(failures.append):
            await anyio.sleep(30)
    assert scope.cancelled_caught
    assert not failures
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    future.cancel()
    async with contained(failures.append):
        await future
    assert len(failures) == 1


@pytest.mark.anyio
async def test_work_that_ends_in_time_is_distinguished_from_work_that_does_not() -> None:
    failures: list[BaseException] = []

    async def fail() -> None:
        raise SystemExit(3)

    assert await ended_within(30, fail, failures.append)
    assert [type(failure) for failure in failures] == [SystemExit]
    assert not await ended_within(0.01, anyio.sleep_forever, failures.append)
    assert len(failures) == 1


def test_an_exception_is_described_shortly_and_always() -> None:
    class Unspeakable(Exception):
        def __str__(self) -> str:
            raise SystemExit

    assert described(ValueError("no")) == "ValueError: no"
    assert described(KeyboardInterrupt()) == "KeyboardInterrupt"
    assert described(Unspeakable()).startswith("Unspeakable: (")
    assert len(described(ValueError("x" * 10**6))) < MOST_DESCRIBED + 50
