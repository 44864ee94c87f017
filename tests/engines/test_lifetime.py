"""Opening and closing a manager: in different tasks, in different event loops, twice, never."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import textwrap
from collections.abc import AsyncGenerator

import anyio
import pytest

from tests.speaking import THREE, drain, hub
from tests.waiting import until
from tts_hub import TTSBackendManager
from tts_hub.config import parse_config
from tts_hub.errors import UsageError
from tts_hub.testing import FakeBackend, FakeScript


def made(*backends: FakeBackend) -> TTSBackendManager:
    manager = TTSBackendManager(discover=False)
    for backend in backends or (FakeBackend(),):
        manager.register(backend)
    return manager


async def say(manager: TTSBackendManager) -> None:
    async with await manager.generate("Hello.", model="fake") as audio:
        async for _ in audio:
            pass


@pytest.mark.anyio
async def test_a_manager_opens_speaks_and_closes_in_different_tasks() -> None:
    fake = FakeBackend()
    manager = made(fake)
    for step in (manager.open, lambda: say(manager), manager.aclose, manager.aclose):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(step)
    assert (fake.loads, fake.closes) == (1, 1)


@pytest.mark.anyio
async def test_a_manager_outlives_the_task_that_opened_it() -> None:
    manager = made()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(manager.open)
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
    await say(manager)
    await manager.aclose()


@pytest.mark.anyio
async def test_a_fixture_may_open_and_another_task_close_it() -> None:
    manager = made()

    async def fixture() -> AsyncGenerator[TTSBackendManager, None]:
        async with manager:
            yield manager

    steps = fixture()
    for step in (anext(steps), anext(steps, None)):
        await asyncio.create_task(step)
    with pytest.raises(UsageError, match="not open"):
        await say(manager)


@pytest.mark.anyio
async def test_opening_twice_is_refused_and_closing_twice_is_fine() -> None:
    manager = made()
    await manager.aclose()
    await manager.open()
    with pytest.raises(UsageError, match="open already"):
        await manager.open()
    await manager.aclose()
    await manager.aclose()
    async with manager:
        await say(manager)


@pytest.mark.anyio
async def test_an_error_in_the_block_comes_out_without_a_cause() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        async with made():
            raise ZeroDivisionError
    assert caught.value.__cause__ is None


def test_a_second_event_loop_is_refused_while_the_first_one_lasts() -> None:
    manager = made()

    async def everything_else() -> None:
        for step in (
            lambda: say(manager),
            lambda: manager.voices(),
            lambda: manager.estimate("Hello.", model="fake"),
            manager.open,
            manager.aclose,
        ):
            with pytest.raises(UsageError, match="another event loop"), anyio.fail_after(60):
                await step()

    with asyncio.Runner() as runner:
        runner.run(manager.open())
        asyncio.run(everything_else())
        runner.run(say(manager))
        runner.run(manager.aclose())


def test_the_end_of_its_event_loop_closes_a_manager_that_is_still_open() -> None:
    fake = FakeBackend()
    manager = made(fake)

    async def leave_open() -> None:
        await manager.open()
        await say(manager)

    asyncio.run(leave_open())
    assert fake.closes == 1
    asyncio.run(leave_open())
    assert (fake.loads, fake.closes) == (2, 2)


@pytest.mark.parametrize(
    "ending",
    [
        "asyncio.run(main(manager))",
        "loop = asyncio.new_event_loop(); loop.run_until_complete(main(manager)); loop.close()",
        "asyncio.run(main(manager)); del manager; gc.collect()",
    ],
)
def test_a_manager_that_was_not_closed_prints_no_warning(ending: str) -> None:
    program = textwrap.dedent("""
        import asyncio, gc
        from tts_hub import TTSBackendManager
        from tts_hub.testing import FakeBackend

        async def main(manager):
            await manager.open()
            async with await manager.generate("Hello.", model="fake") as audio:
                async for _ in audio:
                    pass

        manager = TTSBackendManager(discover=False)
        manager.register(FakeBackend())
    """)
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"{program}\n{ending}"], capture_output=True, check=True
    )
    assert (ran.stdout, ran.stderr) == (b"", b"")


class Stubborn(FakeBackend):
    """An engine that fails to close, or closes only after those in `waits_for`."""

    waits_for: tuple[FakeBackend, ...] = ()
    fails: BaseException | None = None

    async def aclose(self) -> None:
        await until(lambda: all(other.closes for other in self.waits_for))
        await super().aclose()
        if self.fails is not None:
            raise self.fails


@pytest.mark.anyio
async def test_engines_are_closed_at_the_same_time_and_a_failure_stops_no_other() -> None:
    first, second, third = Stubborn(name="first"), Stubborn(name="second"), FakeBackend(name="third")
    first.waits_for, second.fails = (second, third), RuntimeError("no")
    async with made(first, second, third) as manager:
        for name in ("first", "second", "third"):
            await manager.preload(name)
    assert first.closes == second.closes == third.closes == 1


@pytest.mark.anyio
async def test_an_idle_engine_that_fails_to_close_does_not_end_the_others() -> None:
    failing, good = Stubborn(name="failing"), FakeBackend()
    failing.fails = RuntimeError("no")
    manager = TTSBackendManager(parse_config({"limits": {"idle_unload": 0.02}}), discover=False)
    manager.register(failing)
    manager.register(good)
    async with manager:
        await manager.preload("failing")
        await until(lambda: failing.closes)
        await say(manager)


@pytest.mark.anyio
async def test_an_error_in_the_managers_block_comes_out_as_it_is() -> None:
    with pytest.raises(ZeroDivisionError):
        async with hub(FakeBackend()):
            raise ZeroDivisionError


@pytest.mark.anyio
async def test_a_manager_that_is_not_open_says_how_to_open_it() -> None:
    with pytest.raises(UsageError, match="async with"):
        await TTSBackendManager(discover=False).stream("Hello.")


@pytest.mark.anyio
async def test_closing_the_manager_closes_engines_and_fails_open_streams() -> None:
    fake = FakeBackend(script=FakeScript(hold_at=1))
    manager = TTSBackendManager(discover=False)
    manager.register(fake)
    async with manager:
        audio = await manager.generate(THREE, model="fake")
    with pytest.raises(UsageError, match="closed"):
        await drain(audio)
    assert fake.closes == 1
    assert fake.active == 0
