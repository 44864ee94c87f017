"""A decoder of audio as it arrives, in any container: bytes in, mono float32 chunks out.

The bytes decide about the container; the `Content-Type` counts only where they are ambiguous. Raw samples
have no mark of their own, so bytes without any known mark are taken for raw samples.
"""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

import numpy as np

from tts_hub.audio.pcm import S16_FULL_SCALE
from tts_hub.errors import GenerationError
from tts_hub.types import AudioChunk, Samples
from tts_hub_remote.failures import refusal_of
from tts_hub_remote.frames import tag_length
from tts_hub_remote.wav import WavReader

SNIFFED = 16
"""Bytes at the beginning that identify a container."""
TEXTUAL = ("text/", "application/json", "application/problem+json", "application/xml")
MOST_TEXT = 4096
"""Bytes of a text that came instead of audio, to be read for an error message."""
"""Bytes of a text that came instead of audio, to be read for an error message."""
MOST_TAG = 16_000_000
"""Bytes of the longest tag before the audio, pictures included."""
CONTAINERS = {
    "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
    "audio/aac": "aac",
    "audio/aacp": "aac",
    "audio/x-aac": "aac",
}
"""Media type -> format, for formats whose frames begin without a certain mark."""


async def decoded(
    pieces: AsyncGenerator[bytes, None], *, claimed: str, sample_rate: int | None, backend: str
) -> AsyncGenerator[AudioChunk, None]:
    """Chunks of the audio in `pieces`, as soon as they can be decoded; none for an empty body.

    `claimed` is the media type; `sample_rate` in Hz is that of raw samples (s16le, mono), None for a service
    that never sends raw samples.

    Raises:
        GenerationError: no audio at all, a broken container, or one that ends in the middle.
    """
    async with aclosing(pieces):
        head, is_tagged = await _head(pieces)
        if not head:
            return
        if claimed.startswith(TEXTUAL) and container_of(head, "") == "pcm":
            raise await _no_audio(head, pieces, claimed, backend)
        container = container_of(head, claimed, is_tagged=is_tagged)
        if container == "pcm" and sample_rate is None:
            raise await _no_audio(head, pieces, claimed, backend)
        chunks = _chunks(container, _with(head, pieces), sample_rate or 0, backend)
        async with aclosing(chunks):
            async for chunk in chunks:
                if len(chunk.samples):
                    yield chunk


def container_of(head: bytes, claimed: str, *, is_tagged: bool = False) -> str:
    """The container by its first bytes, behind any tags: wav, ogg, flac, mp3, aac, mp4 or pcm."""
    if head[:4] in {b"RIFF", b"RF64"} and head[8:12] == b"WAVE":
        return "wav"
    marks = {b"OggS": "ogg", b"fLaC": "flac"}
    for mark, container in marks.items():
        if head.startswith(mark):
            return container
    if head[4:8] == b"ftyp":
        return "mp4"
    if len(head) > 1 and head[0] == 0xFF and (is_tagged or claimed in CONTAINERS):
        # An ADTS header has layer 00 where MPEG audio has 01 to 11.
        return "aac" if head[1] & 0xF6 == 0xF0 else "mp3"
    return CONTAINERS.get(claimed, "mp3" if is_tagged else "pcm")


async def _head(pieces: AsyncIterator[bytes]) -> tuple[bytes, bool]:
    """The first bytes of the audio, and whether ID3 tags preceded them, as they may in any kind of file."""
    head, is_tagged = b"", False
    while True:
        wanted = SNIFFED
        if head.startswith(b"ID3") and 0 < (length := tag_length(head)) <= MOST_TAG:
            wanted += length
            if len(head) >= wanted:
                head, is_tagged = head[length:], True
                continue
        if len(head) >= wanted:
            return head, is_tagged
        piece = await anext(pieces, None)
        if piece is None:
            return head, is_tagged
        head += piece


async def _with(head: bytes, rest: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    yield head
    async for piece in rest:
        yield piece


async def _no_audio(head: bytes, rest: AsyncIterator[bytes], claimed: str, backend: str) -> GenerationError:
    body = head
    async for piece in rest:
        body += piece
        if len(body) > MOST_TEXT:
            break
    said = refusal_of(200, {}, body[:MOST_TEXT]).message
    return GenerationError(
        f"{backend} answered with {claimed or 'something'} that is not audio: {said}", backend=backend
    )


def _chunks(
    container: str, pieces: AsyncGenerator[bytes, None], sample_rate: int, backend: str
) -> AsyncGenerator[AudioChunk, None]:
    if container == "pcm":
        return _raw(pieces, sample_rate, backend)
    if container == "wav":
        return _wav(pieces, backend)
    from tts_hub_remote.compressed import decompressed  # needs PyAV, which is slow to import

    return decompressed(pieces, container, backend)


async def _raw(
    pieces: AsyncGenerator[bytes, None], sample_rate: int, backend: str
) -> AsyncGenerator[AudioChunk, None]:
    rest = b""
    async for piece in pieces:
        data = rest + piece
        whole = len(data) & ~1
        rest = data[whole:]
        yield AudioChunk(from_s16le(data[:whole]), sample_rate)
    if rest:
        raise GenerationError(f"the audio of {backend} ends in the middle of a sample", backend=backend)


async def _wav(pieces: AsyncGenerator[bytes, None], backend: str) -> AsyncGenerator[AudioChunk, None]:
    reader = WavReader()
    try:
        async for piece in pieces:
            for samples in reader.read(piece):
                yield AudioChunk(samples, reader.sample_rate)
        if len(rest := reader.finish()):
            yield AudioChunk(rest, reader.sample_rate)
    except (ValueError, struct.error) as exc:
        raise GenerationError(f"the WAV of {backend} is broken: {exc}", backend=backend) from exc


def from_s16le(data: bytes) -> Samples:
    """Samples (T,) in [-1, 1) of 2 T bytes of signed 16-bit little-endian audio."""
    samples: Samples = np.frombuffer(data, "<i2").astype(np.float32)
    samples *= np.float32(1 / S16_FULL_SCALE)
    return samples


def from_base64(value: Any, backend: str) -> bytes:
    """The bytes of audio in a field of a message.

    Raises:
        GenerationError: it is not base64.
    """
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, TypeError, ValueError) as exc:
        raise GenerationError(
            f"{backend} sent something that is not audio in base64", backend=backend
        ) from exc
