"""Text that is still being written: pauses, failures, flush."""

from __future__ import annotations

from collections.abc import AsyncIterator

import anyio
import pytest

from tts_hub.text.incoming import IncomingText
from tts_hub.text.segment import Segmenter
from tts_hub.types import FLUSH, PAUSED

pytestmark = pytest.mark.anyio


async def read(text: IncomingText, paused: anyio.Event | None = None) -> list[str]:
    """All pieces; `paused` is set after the writer's pause was noticed."""
    pieces: list[str] = []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(text.pump)
        async for piece in text.pieces():
            pieces.append(piece)
            if piece is PAUSED and paused is not None:
                paused.set()
    return pieces


async def test_a_pause_of_the_writer_is_reported_once() -> None:
    async def writer() -> AsyncIterator[str]:
        yield "One."
        await paused.wait()
        yield "Two."

    paused = anyio.Event()
    pieces = await read(IncomingText(writer()), paused)
    assert pieces == ["One.", "", "Two."]
    assert pieces[1] is PAUSED


async def test_a_failure_of_the_writer_comes_after_the_pieces_before_it() -> None:
    async def writer() -> AsyncIterator[str]:
        yield "One."
        raise ConnectionError("gone")

    text, got = IncomingText(writer()), []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(text.pump)
        with pytest.raises(ConnectionError):
            async for piece in text.pieces():
                got.append(piece)
    assert got == ["One."]
    assert text.characters == 4


def test_flush_speaks_the_text_so_far_and_keeps_the_spans_of_the_whole() -> None:
    segmenter = Segmenter()
    assert segmenter.push("Nothing ends this") == []
    first = segmenter.flush()
    rest = segmenter.push(" and this") + segmenter.finish()
    source = "Nothing ends this and this"
    assert [s.text for s in first + rest] == ["Nothing ends this", "and this"]
    assert "".join(source[a:b] for a, b in (s.span for s in first + rest)) == source
    assert [s.index for s in first + rest] == [0, 1]
    assert FLUSH == ""


@pytest.mark.parametrize(("text", "complete"), [("This is it.", True), ("Is it", False), ("Wait,", False)])
def test_only_what_ends_like_a_sentence_looks_complete(text: str, complete: bool) -> None:
    segmenter = Segmenter()
    segmenter.push(text)
    assert segmenter.looks_complete is complete
