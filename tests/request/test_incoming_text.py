"""A text that is still being written while its beginning is spoken."""

from __future__ import annotations

from collections.abc import AsyncIterator

import anyio
import pytest

from tests.speaking import THREE, drain, hub, say
from tests.waiting import WITHIN
from tts_hub.errors import UsageError
from tts_hub.testing import FakeBackend, FakeScript
from tts_hub.types import FLUSH

pytestmark = pytest.mark.anyio


async def test_text_may_still_be_written_while_it_is_spoken() -> None:
    fake = FakeBackend()
    speaking = anyio.Event()
    written: list[str] = []

    async def writer() -> AsyncIterator[str]:
        for piece in ["The first sen", "tence is here. ", "The second one follows it. ", "Th", "e end."]:
            written.append(piece)
            yield piece
            if len(written) == 3:
                await speaking.wait()

    async with hub(fake) as manager:
        audio = await manager.generate(writer(), model="fake")
        assert len(written) == 3
        speaking.set()
        await drain(audio)
    assert [r.text for r in fake.requests] == [
        "The first sentence is here.",
        "The second one follows it.",
        "The end.",
    ]
    assert audio.report.characters == sum(map(len, written))


async def test_a_sentence_is_spoken_when_the_writer_pauses_behind_it() -> None:
    async def writer() -> AsyncIterator[str]:
        yield "This is complete."
        await anyio.sleep_forever()

    async with hub(FakeBackend()) as manager:
        with anyio.fail_after(WITHIN):
            audio = await manager.generate(writer(), model="fake")
            await anext(audio)
        await audio.aclose()


async def test_flush_has_the_rest_spoken_at_once() -> None:
    async def writer() -> AsyncIterator[str]:
        yield "This has no end"
        yield FLUSH
        await speaking.wait()
        yield " and goes on."

    fake = FakeBackend()
    speaking = anyio.Event()
    async with hub(fake) as manager:
        audio = await manager.generate(writer(), model="fake")
        assert [request.text for request in fake.requests] == ["This has no end"]
        speaking.set()
        await drain(audio)
    source = "This has no end and goes on."
    assert [source[slice(*word.span)] for word in audio.words] == source.split()


async def test_an_error_of_the_writer_comes_out_after_what_was_written() -> None:
    async def writer() -> AsyncIterator[str]:
        yield "The first sentence is here, whole and complete. And the second begins, but is "
        raise ConnectionError("the model hung up")

    async with hub(FakeBackend()) as manager:
        audio = await manager.generate(writer(), model="fake")
        with pytest.raises(ConnectionError, match="hung up"):
            await drain(audio)
        assert audio.report.segments == 1
        assert not audio.report.complete


async def test_a_cancelled_future_in_the_text_concerns_its_own_request_only() -> None:
    import asyncio

    async def writer() -> AsyncIterator[str]:
        yield "A whole sentence to begin with, long enough to be spoken. "
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        future.cancel()
        await future

    async with hub(FakeBackend(script=FakeScript(chunk_delay=0.005))) as manager:
        other = await manager.generate(THREE, model="fake")
        with pytest.raises(UsageError, match="source of the text failed: CancelledError"):
            await drain(await manager.generate(writer(), model="fake"))
        assert len(await drain(other))
        await say(manager)
