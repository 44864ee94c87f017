"""Text that is still being written: when the writer pauses, what looks complete is spoken."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import aclosing

import anyio

from tts_hub.containment import contained
from tts_hub.types import PAUSED

PAUSE_SECONDS = 0.3
"""Seconds without a piece after which the writer has paused."""
AHEAD = 64
"""Pieces that are taken from the writer before they are needed."""


class IncomingText:
    """Pieces of text, with `PAUSED` where the writer pauses; `pump` runs in a task of its own.

    A time limit on the writer itself would end an async generator, so the limit is on a queue in between.
    """

    def __init__(self, source: AsyncIterable[str]) -> None:
        self.characters = 0
        """Characters taken in so far."""
        self._source = source
        self._send, self._receive = anyio.create_memory_object_stream[str](AHEAD)
        self._error: BaseException | None = None

    async def pump(self) -> None:
        """Move pieces from the source to the queue, to its end or its failure."""
        with self._send:
            async with contained(self._keep_error):
                if isinstance(self._source, AsyncGenerator):
                    async with aclosing(self._source):
                        await self._move(self._source)
                else:
                    await self._move(self._source)

    def _keep_error(self, exc: BaseException) -> None:
        """Keep an error of the caller's code, which `pieces` raises to the caller."""
        self._error = exc

    async def pieces(self) -> AsyncGenerator[str, None]:
        """The pieces, and one `PAUSED` after a piece that nothing follows for `PAUSE_SECONDS`.

        Raises:
            Exception: what the source raised, after the pieces before it.
        """
        patience = math.inf
        with self._receive:
            while True:
                with anyio.move_on_after(patience) as wait:
                    try:
                        piece = await self._receive.receive()
                    except anyio.EndOfStream:
                        break
                if wait.cancelled_caught:
                    patience = math.inf
                    yield PAUSED
                else:
                    patience = PAUSE_SECONDS
                    yield piece
        if self._error is not None:
            raise self._error

    async def _move(self, source: AsyncIterable[str]) -> None:
        async for piece in source:
            self.characters += len(piece) if isinstance(piece, str) else 0
            await self._send.send(piece)
