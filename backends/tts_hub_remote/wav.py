"""WAV as services stream it: sizes that are 0, unknown or wrong, chunks in between, file behind file."""

from __future__ import annotations

import struct
from collections.abc import Callable, Generator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tts_hub.types import Samples

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
UNKNOWN_SIZE = 0x7FFF_0000
"""Sizes from here on, and 0, stand for "to the end": nobody sends two gigabytes of speech."""
MOST_HEADER = 1_000_000
"""Bytes of a chunk before the samples."""
HEADER = 12
CHUNK_HEAD = 8


@dataclass(frozen=True, slots=True)
class _Form:
    channels: int
    frame_bytes: int
    convert: Callable[[bytes], NDArray[np.float32]]


class WavReader:
    """Feed it bytes, get mono samples. Raises `ValueError` for what is no WAV that it can read."""

    def __init__(self) -> None:
        self.sample_rate = 0
        """Hz, once samples have come."""
        self._buffer = bytearray()
        self._form: _Form | None = None
        self._left: int | None = 0
        """Bytes of samples still to come in this chunk; None: to the end."""
        self._in_data = False
        self._begun = False

    def read(self, data: bytes) -> Generator[Samples, None, None]:
        """Shape (T,) each: what has become whole."""
        self._buffer += data
        while True:
            if not self._in_data:
                if not self._next_chunk():
                    return
                continue
            samples = self._samples()
            if samples is None:
                return
            if len(samples):
                yield samples

    def finish(self) -> None:
        """The body has come to its end; raises `ValueError` where that is in the middle of something."""
        if not self._begun or (self._in_data and self._left):
            left = f"{self._left} bytes are missing" if self._left else "it has no samples"
            raise ValueError(f"it ends too early: {left}")
        if self._in_data and self._form is not None and len(self._buffer) % self._form.frame_bytes:
            raise ValueError("it ends in the middle of a sample")

    def _next_chunk(self) -> bool:
        """Step over one header or chunk; False: more bytes are needed."""
        buffer = self._buffer
        if buffer.startswith((b"RIFF", b"RF64")):
            if len(buffer) < HEADER:
                return False
            if buffer[8:12] != b"WAVE":
                raise ValueError("a RIFF file that is no WAVE")
            del buffer[:HEADER]
            return True
        if len(buffer) < CHUNK_HEAD:
            return False
        name, size = bytes(buffer[:4]), struct.unpack_from("<I", buffer, 4)[0]
        if name == b"data":
            self._begin_data(size)
            return True
        if size > MOST_HEADER:
            raise ValueError(f"a chunk {name!r} of {size} bytes before the samples")
        if len(buffer) < CHUNK_HEAD + size + size % 2:
            return False
        if name == b"fmt ":
            self._form = self._read_form(bytes(buffer[CHUNK_HEAD : CHUNK_HEAD + size]))
        del buffer[: CHUNK_HEAD + size + size % 2]
        return True

    def _begin_data(self, size: int) -> None:
        if self._form is None:
            raise ValueError("samples come before their form is told")
        del self._buffer[:CHUNK_HEAD]
        self._left = None if size == 0 or size >= UNKNOWN_SIZE else size
        self._in_data = self._begun = True

    def _samples(self) -> Samples | None:
        """What is there of the samples; None: more bytes are needed, or the chunk is over."""
        if self._left == 0:
            self._in_data = False
            return np.zeros(0, np.float32)
        form = self._form
        if form is None:
            return None
        there = len(self._buffer) if self._left is None else min(len(self._buffer), self._left)
        whole = there - there % form.frame_bytes
        if not whole:
            return None
        data = bytes(self._buffer[:whole])
        del self._buffer[:whole]
        if self._left is not None:
            self._left -= whole
        samples = form.convert(data)
        if form.channels == 1:
            return samples
        mono: Samples = samples.reshape(-1, form.channels).mean(axis=1, dtype=np.float32)
        return mono

    def _read_form(self, data: bytes) -> _Form:
        kind, channels, rate, _, frame_bytes, bits = struct.unpack_from("<HHIIHH", data)
        if kind == EXTENSIBLE and len(data) >= 26:
            kind = struct.unpack_from("<H", data, 24)[0]
        convert = _CONVERT.get((kind, bits))
        if convert is None or not channels or frame_bytes != channels * bits // 8:
            raise ValueError(f"samples of form {kind} with {bits} bits in {channels} channels")
        if self.sample_rate and self.sample_rate != rate:
            raise ValueError(f"the sample rate changes from {self.sample_rate} to {rate} Hz")
        self.sample_rate = rate
        return _Form(channels, frame_bytes, convert)


def _integers(kind: str, bits: int) -> Callable[[bytes], NDArray[np.float32]]:
    def convert(data: bytes) -> NDArray[np.float32]:
        samples: NDArray[np.float32] = (np.frombuffer(data, kind) / 2.0 ** (bits - 1)).astype(np.float32)
        return samples

    return convert


def _eight_bits(data: bytes) -> NDArray[np.float32]:
    return ((np.frombuffer(data, np.uint8).astype(np.float32) - 128) / 128).astype(np.float32)


def _three_bytes(data: bytes) -> NDArray[np.float32]:
    widened = np.zeros((len(data) // 3, 4), np.uint8)
    widened[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
    return (widened.view("<i4")[:, 0] / 2.0**31).astype(np.float32)


def _floats(kind: str) -> Callable[[bytes], NDArray[np.float32]]:
    def convert(data: bytes) -> NDArray[np.float32]:
        samples: NDArray[np.float32] = np.clip(np.frombuffer(data, kind), -1, 1).astype(np.float32)
        return samples

    return convert


_CONVERT: dict[tuple[int, int], Callable[[bytes], NDArray[np.float32]]] = {
    (PCM, 8): _eight_bits,
    (PCM, 16): _integers("<i2", 16),
    (PCM, 24): _three_bytes,
    (PCM, 32): _integers("<i4", 32),
    (FLOAT, 32): _floats("<f4"),
    (FLOAT, 64): _floats("<f8"),
}
