"""Lines of a body as they arrive, and what services write in them: JSON objects or server-sent events."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from tts_hub.errors import GenerationError

LONGEST = 16_000_000
"""Bytes of the longest line that is read: a minute of audio in base64 is shorter."""
DONE = "[DONE]"
"""Data of the last event of OpenAI's API."""
"""Data of the last event of OpenAI's API."""


async def lines_of(pieces: AsyncIterator[bytes], backend: str) -> AsyncGenerator[bytes, None]:
    r"""Each line without its end, `\n` or `\r\n`; the last one need not have one.

    Raises:
        GenerationError: a line is longer than `LONGEST`.
    """
    parts: list[bytes] = []
    length = 0
    async for piece in pieces:
        *whole, rest = piece.split(b"\n")
        for line in whole:
            yield (b"".join(parts) + line).removesuffix(b"\r")
            parts, length = [], 0
        parts.append(rest)
        length += len(rest)
        if length > LONGEST:
            raise GenerationError(f"{backend} sent a line of more than {LONGEST} bytes", backend=backend)
    if last := b"".join(parts):
        yield last.removesuffix(b"\r")


async def json_lines(pieces: AsyncIterator[bytes], backend: str) -> AsyncGenerator[dict[str, Any], None]:
    """The object in each line; empty lines are skipped.

    Raises:
        GenerationError: a line is not a JSON object, for instance because it was cut off.
    """
    async for line in lines_of(pieces, backend):
        if line.strip():
            yield parsed(line, backend)


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
            yield parsed(event, backend)
    if data and b"\n".join(data).strip() != DONE.encode():  # the last blank line is missing
        yield parsed(b"\n".join(data), backend)


def parsed(line: bytes, backend: str) -> dict[str, Any]:
    """The JSON object in a line."""
    try:
        value = json.loads(line)
    except ValueError as exc:
        raise GenerationError(f"{backend} sent a line that is not complete JSON", backend=backend) from exc
    if not isinstance(value, dict):
        raise GenerationError(
            f"{backend} sent {type(value).__name__} where an object belongs", backend=backend
        )
    return value
