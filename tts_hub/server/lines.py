"""Work that takes a while, answered in lines of JSON: progress, then the result or the failure."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, TypeVar

from starlette.responses import StreamingResponse
from starlette.types import Send

from tts_hub.captions.wire import line_of
from tts_hub.progress import ProgressCallback, ProgressEvent
from tts_hub.server.errors import failure_of, log_failure
from tts_hub.server.hub import Hub
from tts_hub.server.interleaving import Interleaving
from tts_hub.server.reports import progress_values
from tts_hub.server.schema import LINES
from tts_hub.server.streaming import NO_BUFFERING

T = TypeVar("T")


class ProgressLines(StreamingResponse):
    """Lines of `{"progress"}`, then `{"done"}` or `{"error"}`. A client that hangs up ends the work."""

    def __init__(
        self,
        hub: Hub,
        request_id: str,
        work: Callable[[ProgressCallback], Awaitable[T]],
        values_of: Callable[[T], Any],
    ) -> None:
        """`values_of` makes JSON of the result of `work`."""
        self._lines = _lines(hub, request_id, work, values_of)
        super().__init__(self._lines, media_type=LINES, headers=NO_BUFFERING)

    async def stream_response(self, send: Send) -> None:
        """Send all lines, and close them in this task, also when the client hangs up."""
        async with aclosing(self._lines):
            await super().stream_response(send)


async def _lines(
    hub: Hub,
    request_id: str,
    work: Callable[[ProgressCallback], Awaitable[T]],
    values_of: Callable[[T], Any],
) -> AsyncGenerator[bytes, None]:
    merged: Interleaving[T] = Interleaving()

    async def done() -> AsyncGenerator[T, None]:
        yield await work(merged.on_progress)

    try:
        async with aclosing(done()) as results, aclosing(merged.read(results)) as items:
            async for item in items:
                if isinstance(item, ProgressEvent):
                    yield line_of({"progress": progress_values(item)})
                else:
                    yield line_of({"done": values_of(item[0])})
    except Exception as exc:  # noqa: BLE001 - the boundary: the client and the log get it
        log_failure(exc, request_id)
        failure = failure_of(exc, request_id)
        hub.metrics.count_failure(failure)
        yield line_of(failure.envelope())
