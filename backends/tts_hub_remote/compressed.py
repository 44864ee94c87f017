"""A decoder of compressed audio (mp3, opus, aac, flac) as it arrives: FFmpeg in a thread of its own.

The demuxer is named, never guessed, and can open nothing: no answer of a service can make it read a file or
connect to a host.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator

import anyio
import av
import numpy as np
from anyio import from_thread, lowlevel

from tts_hub.errors import GenerationError
from tts_hub.threads import iterate_in_thread
from tts_hub.types import AudioChunk, Samples
from tts_hub_remote.frames import frames_only

DEMUXERS = {"mp3": "mp3", "ogg": "ogg", "aac": "aac", "flac": "flac", "mp4": "mov"}
FRAMED = {"mp3", "aac"}
"""Formats of frames without a container: services join such files, and leave their tags in."""
OPTIONS = {"probesize": "2048", "analyzeduration": "0", "protocol_whitelist": "pipe"}
"""Options that let FFmpeg read as little as possible before the first audio."""
READ_AT_ONCE = 4096


async def decompressed(
    pieces: AsyncGenerator[bytes, None], container: str, backend: str
) -> AsyncGenerator[AudioChunk, None]:
    """Chunks of the audio in `pieces`.

    Raises:
        GenerationError: the audio is broken, or is not of this kind. Errors of `pieces` pass unchanged.
    """
    if container in FRAMED:
        pieces = frames_only(pieces, container, backend)
    source = _Source(pieces)
    chunks = iterate_in_thread(
        lambda: _decode(source, container), name="tts-hub-decoder", interrupt=source.stop
    )
    try:
        async for chunk in chunks:
            yield chunk
    except av.FFmpegError as exc:
        if source.error is None:
            message = f"the audio of {backend} is not {container} that can be decoded: {exc.strerror}"
            raise GenerationError(message, backend=backend) from exc
    finally:
        await chunks.aclose()
    if source.error is not None:
        raise source.error


class _Source:
    """A file for FFmpeg that reads pieces from the event loop."""

    def __init__(self, pieces: AsyncGenerator[bytes, None]) -> None:
        self.error: Exception | None = None
        self._pieces = pieces
        self._token = lowlevel.current_token()
        self._scope = anyio.CancelScope()
        self._stopped = False
        self._held = b""

    def read(self, size: int) -> bytes:
        """At most `size` bytes; no bytes at the end. FFmpeg calls it in the decoder's thread."""
        if not self._held:
            self._held = from_thread.run(self._next, token=self._token)
        data, self._held = self._held[:size], self._held[size:]
        return data

    def stop(self) -> None:
        """End the file here: the audio is not wanted any more."""
        self._stopped = True
        self._scope.cancel()

    async def _next(self) -> bytes:
        if self._stopped or self.error is not None:
            return b""
        with anyio.CancelScope() as self._scope:
            try:
                return await anext(self._pieces, b"")
            except Exception as exc:  # noqa: BLE001 - `decompressed` raises it; FFmpeg would lose it
                self.error = exc
        return b""


def _decode(source: _Source, container: str) -> Generator[AudioChunk, None, None]:
    with av.open(source, "r", format=DEMUXERS[container], options=OPTIONS, buffer_size=READ_AT_ONCE) as file:
        mono: av.AudioResampler | None = None
        form, rate = None, 0
        for frame in _frames(file, skips_bad_ones=container in FRAMED):
            if mono is not None and form != _form(frame):  # a file in another form follows
                yield AudioChunk(_samples(mono.resample(None)), rate)
                mono = None
            if mono is None:
                form, rate = _form(frame), rate or frame.sample_rate
                mono = av.AudioResampler(format="flt", layout="mono", rate=rate)
            yield AudioChunk(_samples(mono.resample(frame)), rate)
        if mono is not None:
            yield AudioChunk(_samples(mono.resample(None)), rate)


def _frames(
    file: av.container.InputContainer, *, skips_bad_ones: bool
) -> Generator[av.AudioFrame, None, None]:
    """Decoded frames; with `skips_bad_ones`, a bad frame between good ones is left out."""
    bad: av.InvalidDataError | None = None
    for packet in file.demux(file.streams.audio[0]):
        try:
            frames = packet.decode()
        except av.InvalidDataError as exc:
            if not skips_bad_ones:
                raise
            bad = exc
            continue
        if packet.size:
            bad = None
        for frame in frames:
            if isinstance(frame, av.AudioFrame):
                yield frame
    if bad is not None:
        raise bad


def _form(frame: av.AudioFrame) -> tuple[int, str, str]:
    return frame.sample_rate, frame.layout.name, frame.format.name


def _samples(frames: list[av.AudioFrame]) -> Samples:
    parts = [frame.to_ndarray().reshape(-1) for frame in frames]
    samples: Samples = np.concatenate([np.zeros(0, np.float32), *parts]).astype(np.float32)
    return np.clip(samples, -1, 1, out=samples)
