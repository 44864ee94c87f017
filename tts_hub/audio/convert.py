"""The streaming conversion service: audio chunks in, bytes of one format out, without blocking the loop."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext
from functools import partial
from typing import IO, TypeVar, TypeVarTuple

import anyio
import numpy as np
from anyio import to_thread
from anyio.lowlevel import RunVar, checkpoint

from tts_hub.audio.encode import open_encoder
from tts_hub.audio.file import open_body
from tts_hub.audio.formats import AudioFormat
from tts_hub.errors import AudioError, OutputError
from tts_hub.types import AudioChunk, Samples

T = TypeVar("T")
Args = TypeVarTuple("Args")

FIRST_PIECE_SECONDS = 0.1
"""The length of the first piece that is encoded: short, so that the first bytes leave soon."""
PIECE_SECONDS = 0.5
"""The length of the other pieces: a few milliseconds of work."""
GATHERED_SECONDS = 2.0
"""The length of a piece for a file, which has no reader yet: fewer pieces need fewer turns in a thread."""
ENCODER_THREADS = min(4, os.cpu_count() or 1)
"""Threads that encode for one event loop; a piece takes milliseconds, so streams share them."""

_encoder_threads: RunVar[anyio.CapacityLimiter] = RunVar("tts_hub_encoder_threads")


async def encode_stream(
    chunks: AsyncIterable[AudioChunk], audio_format: AudioFormat, sample_rate: int
) -> AsyncGenerator[bytes, None]:
    """Yield the bytes of one valid stream, as soon as they are ready; never an empty piece.

    Every chunk must be at `sample_rate` Hz, else `AudioError`. An error of `chunks` is raised as it is, after
    the bytes before it, and leaves the stream without its end. `chunks` is closed in any case. Raises
    `UnsupportedOptionError` before the first bytes for a rate that the format cannot hold.
    """
    async with _closing(chunks):
        encoder = await _run(audio_format, open_encoder, audio_format, sample_rate)
        async for samples in _pieces(chunks, sample_rate):
            data = await _run(audio_format, encoder.encode, samples)
            if data:
                yield data
        data = await _run(audio_format, encoder.finish)
        if data:
            yield data


async def encode_file(
    chunks: AsyncIterable[AudioChunk], audio_format: AudioFormat, sample_rate: int, file: IO[bytes]
) -> int:
    """Write one finished file into `file`, which can seek: lengths and checksums in its header are exact.

    It returns the size in bytes. Errors are those of `encode_stream`, and `OutputError` when the disk is
    full.
    """
    async with _closing(chunks):
        try:
            body = await _run(
                audio_format, partial(open_body, file, audio_format, sample_rate, seekable=True)
            )
            async for samples in _gathered(
                _pieces(chunks, sample_rate), round(GATHERED_SECONDS * sample_rate)
            ):
                await _run(audio_format, body.write, samples)
            await _run(audio_format, body.close)
            return file.seek(0, os.SEEK_END)
        except OSError as exc:
            raise OutputError(f"cannot write a temporary file of audio: {exc.strerror or exc}") from exc


async def _gathered(pieces: AsyncIterator[Samples], fewest: int) -> AsyncIterator[Samples]:
    """The same samples in fewer pieces; all but the last have at least `fewest` samples."""
    held: list[Samples] = []
    async for piece in pieces:
        held.append(piece)
        if sum(map(len, held)) >= fewest:
            yield np.concatenate(held)
            held.clear()
    if held:
        yield np.concatenate(held)


async def _pieces(chunks: AsyncIterable[AudioChunk], sample_rate: int) -> AsyncIterator[Samples]:
    """The samples of all chunks, the first piece short, none longer than `PIECE_SECONDS`."""
    first, longest = (max(1, round(s * sample_rate)) for s in (FIRST_PIECE_SECONDS, PIECE_SECONDS))
    begun = 0
    async for chunk in chunks:
        if chunk.sample_rate != sample_rate:
            raise AudioError(f"a chunk of audio is at {chunk.sample_rate} Hz in a stream at {sample_rate} Hz")
        rest = chunk.samples
        while len(rest):
            piece, rest = np.split(rest, [first if begun < first else longest])
            begun += len(piece)
            yield piece


async def _run(audio_format: AudioFormat, work: Callable[[*Args], T], *args: *Args) -> T:
    """Do work without blocking the loop. The thread is never abandoned: an encoder serves one at a time."""
    if not audio_format.costly:
        await checkpoint()
        return work(*args)
    return await _in_thread(work, *args)


async def _in_thread(work: Callable[[*Args], T], *args: *Args) -> T:
    return await to_thread.run_sync(work, *args, limiter=_limiter())


def _limiter() -> anyio.CapacityLimiter:
    limiter = _encoder_threads.get(None)
    if limiter is None:
        limiter = anyio.CapacityLimiter(ENCODER_THREADS)
        _encoder_threads.set(limiter)
    return limiter


def _closing(chunks: AsyncIterable[AudioChunk]) -> AbstractAsyncContextManager[object]:
    """A context that closes a generator at its end; other iterables have nothing to close."""
    return aclosing(chunks) if isinstance(chunks, AsyncGenerator) else nullcontext()
