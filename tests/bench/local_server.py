"""A server on this machine that gives the answers that a test chooses, good or bad."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import numpy as np

from tts_hub.audio.encode import open_encoder
from tts_hub.audio.formats import find_format

Answer = Callable[[asyncio.StreamWriter, bytes], Awaitable[None]]
"""Writes an answer, given a body of the length that its text deserves."""
CHARACTERS_PER_SECOND = 15


def head(status: str = "200 OK", kind: str = "audio/wav") -> bytes:
    """The head of an answer in chunks."""
    return f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()


def chunk(data: bytes) -> bytes:
    """One chunk; the last one if it is empty."""
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def whole(data: bytes, status: str = "200 OK", kind: str = "audio/wav") -> bytes:
    """A good answer."""
    return head(status, kind) + chunk(data) + chunk(b"")


async def good(writer: asyncio.StreamWriter, body: bytes) -> None:
    """The good answer, in one write."""
    writer.write(whole(body))


@asynccontextmanager
async def serving(answer: Answer, path: str = "/v1") -> AsyncGenerator[str, None]:
    """The base URL of a server; 404 for every other path."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                request = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    int(line.partition(b":")[2])
                    for line in request.split(b"\r\n")
                    if line.lower().startswith(b"content-length")
                )
                text = json.loads(await reader.readexactly(length))["input"]
                if request.split()[1].decode() == f"{path}/audio/speech":
                    await answer(writer, tone(len(text) / CHARACTERS_PER_SECOND))
                else:
                    writer.write(whole(b"Not Found", "404 Not Found", "text/plain"))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}{path}"
    finally:
        server.close()


def tone(seconds: float, response_format: str = "wav") -> bytes:
    """A file with a tone in it."""
    time = np.arange(round(seconds * 24_000)) / 24_000
    encoder = open_encoder(find_format(response_format), 24_000)
    return encoder.encode((0.3 * np.sin(2 * np.pi * 300 * time)).astype(np.float32)) + encoder.finish()
