"""Server-sent events in the lines of a body as they arrive."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from tts_hub.captions.wire import json_object, lines_of

DONE = "[DONE]"
"""Data of the last event of OpenAI's API."""


async def events(pieces: AsyncIterator[bytes], backend: str) -> AsyncGenerator[dict[str, Any], None]:
    """The object of each server-sent event, up to `[DONE]`.

    Raises:
        GenerationError: the data of an event is not a JSON object.
    """
    data: list[bytes] = []
    async for line in lines_of(pieces, backend):
        if line.startswith(b"data:"):
            data.append(line[5:].removeprefix(b" "))
        elif not line and data:
            event, data = b"\n".join(data), []
            if event.strip() == DONE.encode():
                return
            yield json_object(event, backend)
    if data and b"\n".join(data).strip() != DONE.encode():  # the last blank line is missing
        yield json_object(b"\n".join(data), backend)
