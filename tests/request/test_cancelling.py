"""Closing, cancelling and dropping streams: each frees the engine."""

from __future__ import annotations

import gc

import anyio
import numpy as np
import pytest

from tests.speaking import THREE, drain, free, hub
from tests.waiting import WITHIN, until, until_in_thread
from tts_hub import Capabilities, TTSBackendManager
from tts_hub.errors import UsageError
from tts_hub.testing import FakeBackend, FakeScript

pytestmark = pytest.mark.anyio


async def test_closing_a_stream_frees_the_engine() -> None:
    fake = FakeBackend(script=FakeScript(hold_at=1), capabilities=Capabilities(concurrency=1))
    async with hub(fake) as manager:
        audio = await manager.generate(THREE, model="fake")
        with anyio.fail_after(WITHIN):
            await audio.aclose()
        assert free(fake, manager)
        assert fake.cancelled == [0]


async def test_cancelling_the_reading_task_frees_the_engine() -> None:
    fake = FakeBackend(script=FakeScript(hold_at=5), capabilities=Capabilities(concurrency=1))
    async with hub(fake) as manager:
        speech = await manager.stream(THREE, model="fake", response_format="opus")
        with anyio.move_on_after(0.02):
            await speech.read()
        await until(lambda: free(fake, manager))
        await speech.aclose()


async def test_cancelling_all_while_the_reader_is_in_a_thread_is_no_error() -> None:
    fake = FakeBackend(script=FakeScript(chunk_delay=0.05))  # so slow that no audio is left to read

    def cancel_and_stay() -> None:
        anyio.from_thread.run_sync(scope.cancel)
        until_in_thread(lambda: not fake.active)  # the generation has ended, and the reader has no reason yet

    with anyio.CancelScope() as scope:
        async with TTSBackendManager(discover=False) as manager:
            manager.register(fake)
            async for _ in await manager.generate("One two three. " * 50, model="fake"):
                await anyio.to_thread.run_sync(cancel_and_stay)
    assert scope.cancelled_caught


async def test_a_dropped_stream_stops_its_engine_and_says_so() -> None:
    fake = FakeBackend(script=FakeScript(chunk_delay=0.01))
    async with hub(fake) as manager:
        audio = await manager.generate(THREE, model="fake")
        with pytest.warns(ResourceWarning, match="dropped before its end"):
            del audio
            gc.collect()
        await until(lambda: free(fake, manager))


async def test_many_random_aborts_leave_every_slot_free() -> None:
    fake = FakeBackend(script=FakeScript(chunk_delay=0.001), capabilities=Capabilities(concurrency=3))
    random = np.random.default_rng(7)
    async with hub(fake, limits={"max_queue": 500}) as manager:

        async def abort(after: float) -> None:
            with anyio.move_on_after(after):
                speech = await manager.stream(THREE, model="fake", response_format="wav")
                try:
                    await speech.read()
                finally:
                    await speech.aclose()

        async with anyio.create_task_group() as tasks:
            for after in random.uniform(0, 0.2, 200):
                tasks.start_soon(abort, float(after))
        await until(lambda: free(fake, manager))
        await drain(await manager.generate("Still alive.", model="fake"))


async def test_a_read_that_was_cut_short_is_not_followed_by_a_clean_end() -> None:
    async with hub(FakeBackend(script=FakeScript(hold_at=9))) as manager:
        speech = await manager.stream(THREE, model="fake", response_format="wav")
        with anyio.move_on_after(0.05):
            async for _ in speech:  # up to where the engine is held
                pass
        with pytest.raises(UsageError, match="interrupted before its end"):
            await anext(speech)
        await speech.aclose()
        with pytest.raises(UsageError, match="closed"):
            await speech.read()


async def test_a_stream_can_be_closed_while_another_task_reads_it() -> None:
    async with hub(FakeBackend(script=FakeScript(hold_at=9))) as manager:
        speech = await manager.stream(THREE, model="fake", response_format="wav")
        errors: list[Exception] = []

        async def read() -> None:
            try:
                await speech.read()
            except UsageError as exc:
                errors.append(exc)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(read)
            await anyio.wait_all_tasks_blocked()
            with pytest.raises(UsageError, match="another task"):
                await anext(speech)
            with anyio.fail_after(WITHIN):
                await speech.aclose()
        assert len(errors) == 1
