"""Segments of a text that arrives asynchronously: checked, and as early as possible."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

import anyio
import anyio.lowlevel
import pytest

from tts_hub.errors import InvalidTextError, TextTooLongError
from tts_hub.text.segment import segments_of

pytestmark = pytest.mark.anyio


class Writer:
    """A text that is being written, with a count of the pieces that were read."""

    def __init__(self, *pieces: str) -> None:
        self.pieces = pieces
        self.asked = 0
        self.closed = False

    async def write(self) -> AsyncGenerator[str, None]:
        try:
            for piece in self.pieces:
                self.asked += 1
                yield piece
        finally:
            self.closed = True


async def spoken(source: str | AsyncGenerator[str, None], limit: int = 10_000) -> list[str]:
    async with aclosing(segments_of(source, max_total_chars=limit)) as found:
        return [segment.text async for segment in found]


async def test_whole_and_written_text_give_the_same() -> None:
    text = "Hello there. This is, as it were, a text.\n\nWith 3.14 paragraphs. " * 40
    assert await spoken(text) == await spoken(Writer(*text).write())


async def test_a_sentence_leaves_before_the_rest_is_written() -> None:
    writer = Writer("One is here. ", "Two follows it, with some more words. ", "Three.", "Four.")
    async with aclosing(segments_of(writer.write(), max_total_chars=100)) as found:
        assert (await anext(found)).text == "One is here."
        assert writer.asked == 2
    assert writer.closed


@pytest.mark.parametrize(
    "text", ["", " \n", "[pause:1s]", "Fine. [pause:abc]", "a\x00", "...", "***\n\n---", "—!?", "." * 1000]
)
async def test_a_text_that_cannot_be_spoken_is_refused_whole_or_in_pieces(text: str) -> None:
    with pytest.raises(InvalidTextError):
        await spoken(text)
    with pytest.raises(InvalidTextError):
        await spoken(Writer(*text).write())


async def test_a_broken_tag_far_behind_is_refused_before_the_first_segment() -> None:
    async with aclosing(segments_of("Fine. " * 1000 + "[pause:abc]", max_total_chars=10_000)) as found:
        with pytest.raises(InvalidTextError, match="abc"):
            await anext(found)


async def test_written_text_is_stopped_at_the_limit() -> None:
    writer = Writer(*["word "] * 100)
    with pytest.raises(TextTooLongError):
        await spoken(writer.write(), limit=50)
    assert writer.asked == 11
    assert writer.closed


async def test_a_long_text_is_not_read_for_its_first_segment() -> None:
    text = "A sentence of the usual kind. " * 30_000
    async with aclosing(segments_of(text, max_total_chars=len(text))) as found:
        assert (await anext(found)).span == (0, 30)


@pytest.mark.parametrize("written", [False, True], ids=["whole", "in-one-piece"])
async def test_other_tasks_run_while_a_long_text_is_cut(written: bool) -> None:
    text = "Yes, no. " * 5_000
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(other)
        assert len(await spoken(Writer(text).write() if written else text, limit=len(text))) == 5_000
        tasks.cancel_scope.cancel()
    assert turns >= len(text) // 1_000
