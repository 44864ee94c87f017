"""A reader of WAV as services stream it: with sizes of 0 or wrong ones, extra chunks, and joined files."""

from __future__ import annotations

import struct
from collections.abc import Callable, Generator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tts_hub.audio.pcm import silence
from tts_hub.types import Samples

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
UNKNOWN_SIZE = 1_000_000_000
LONGEST = 3600
"""Seconds. A size of 0, of `UNKNOWN_SIZE` bytes or of this many seconds means "to the end": services that do
not know the size write 0, a round number or the largest number; no speech lasts an hour."""
MARK = b"RIFF"
MOST_HEADER = 1_000_000
"""Bytes of the longest chunk before the samples."""
HEADER = 12
CHUNK_HEAD = 8


@dataclass(frozen=True, slots=True)
class _Form:
    channels: int
    frame_bytes: int
    convert: Callable[[bytes], NDArray[np.float32]]


class WavReader:
    """Turns the bytes of a WAV file into mono samples. Raises `ValueError` for one that it cannot read."""

    def __init__(self) -> None:
        self.sample_rate = 0
        """Sample rate in Hz, once samples have arrived; 0 before."""
        self._buffer = bytearray()
        self._form: _Form | None = None
        self._left: int | None = 0
        """Bytes of samples still to come in this chunk; None: up to the end."""
        self._gone = 0
        """Bytes that are no longer in the buffer."""
        self._claimed = 0
        """Length of the body in bytes according to its headers."""
        self._is_odd = False
        """Whether the chunk of samples has an odd size, so that a padding byte may follow it."""
        self._in_data = False
        self._begun = False

    def read(self, data: bytes) -> Generator[Samples, None, None]:
        """Take in `data`; yields the samples (T,) that are complete now."""
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

    def finish(self) -> Samples:
        """The last samples (T,); raises `ValueError` if the bytes end too early."""
        missing = self._claimed - self._gone - len(self._buffer)
        if not self._begun or missing > 0:
            left = f"{missing} bytes are missing" if missing > 0 else "it has no samples"
            raise ValueError(f"it ends too early: {left}")
        if not self._in_data or self._form is None or self._left == 0:
            return silence(0)
        if len(self._buffer) % self._form.frame_bytes:
            raise ValueError("it ends in the middle of a sample")
        return self._convert(self._form, self._drop(len(self._buffer)))

    def _drop(self, count: int) -> bytes:
        dropped = bytes(self._buffer[:count])
        del self._buffer[:count]
        self._gone += len(dropped)
        return dropped

    def _next_chunk(self) -> bool:
        """Pass one header or chunk; false: more bytes are needed."""
        buffer = self._buffer
        if self._is_odd and buffer:
            self._is_odd = False
            self._drop(1 if buffer[0] == 0 else 0)
        if buffer.startswith((MARK, b"RF64")):
            if len(buffer) < HEADER:
                return False
            if buffer[8:12] != b"WAVE":
                raise ValueError("a RIFF file that is not WAVE")
            self._drop(HEADER)
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
        self._drop(CHUNK_HEAD + size + size % 2)
        return True

    def _begin_data(self, size: int) -> None:
        if self._form is None:
            raise ValueError("its samples come before their format")
        self._drop(CHUNK_HEAD)
        seconds = size / self._form.frame_bytes / self.sample_rate
        is_known = 0 < size < UNKNOWN_SIZE and seconds < LONGEST
        self._left = size if is_known else None
        self._is_odd = is_known and size % 2 == 1
        self._claimed = max(self._claimed, self._gone + size) if is_known else self._claimed
        self._in_data = self._begun = True

    def _samples(self) -> Samples | None:
        """The complete samples in the buffer; None: more bytes are needed."""
        if self._left == 0:
            self._in_data = False
            return silence(0)
        form = self._form
        if form is None:
            return None
        there = self._certain()
        if there == 0 and self._begins_a_file(0):
            self._in_data = False
            return silence(0)
        whole = there - there % form.frame_bytes
        if not whole:
            if there and self._begins_a_file(there):
                raise ValueError("a file that is joined to another ends in the middle of a sample")
            return None
        if self._left is not None:
            self._left -= whole
        return self._convert(form, self._drop(whole))

    def _certain(self) -> int:
        """How many bytes of the buffer are certainly samples, and not the beginning of a joined file."""
        buffer = self._buffer
        there = len(buffer) if self._left is None else min(len(buffer), self._left)
        place = buffer.find(MARK, 0, there)
        while place >= 0:
            is_cut = place + HEADER > len(buffer) and there != self._left
            if is_cut or self._begins_a_file(place):
                return place
            place = buffer.find(MARK, place + 1, there)
        if there != self._left:
            for length in range(min(there, len(MARK) - 1), 0, -1):
                if buffer[there - length : there] == MARK[:length]:
                    return there - length
        return there

    def _begins_a_file(self, place: int) -> bool:
        return self._buffer[place : place + 4] == MARK and self._buffer[place + 8 : place + HEADER] == b"WAVE"

    def _convert(self, form: _Form, data: bytes) -> Samples:
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
        if convert is None or not channels or not rate or frame_bytes != channels * bits // 8:
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
