"""Streaming encoders: samples in, chunk by chunk; the bytes of ONE valid stream out.

One encoder serves one response: two encoded pieces put together would have a gap at the join.
"""

from __future__ import annotations

import struct
from typing import Protocol

from tts_hub.audio.codec import Muxer
from tts_hub.audio.formats import PCM, WAV, AudioFormat, check_sample_rate
from tts_hub.audio.pcm import BYTES_PER_SAMPLE, to_s16le
from tts_hub.errors import UsageError
from tts_hub.types import Samples

WAV_HEADER_BYTES = 44
WAV_LENGTH_UNKNOWN = 0xFFFF_FFFF


class Encoder(Protocol):
    """An encoder of one stream. Not for use by two threads at once."""

    def encode(self, samples: Samples) -> bytes:
        """Encode samples of shape (T,), T from 0; returns the bytes that are ready, perhaps none.

        Raises `AudioError` for samples that are not numbers, or when the codec fails.
        """

    def finish(self) -> bytes:
        """End the stream; returns its last bytes. The encoder cannot be used any more."""


def open_encoder(audio_format: AudioFormat, sample_rate: int) -> Encoder:
    """An encoder of mono audio at `sample_rate` Hz.

    Its first audio leaves after at most 100 ms of input, or after the first codec frames where these
    are longer: mp3 below 12 kHz (150 ms), aac below 22.05 kHz (260 ms at 8 kHz).
    wav, pcm, flac and opus decode to exactly the length that went in; mp3 and aac have about 1100 samples
    in front and some at the end. Raises `UnsupportedOptionError` for a rate that the format cannot hold.
    """
    check_sample_rate(audio_format, sample_rate)
    if audio_format in (WAV, PCM):
        return _PcmEncoder(wav_header(sample_rate) if audio_format == WAV else b"")
    return _LiveEncoder(audio_format, sample_rate)


def wav_header(sample_rate: int, data_bytes: int | None = None) -> bytes:
    """The 44 bytes before 16-bit mono samples; `None` is a length that is not known yet.

    Sizes that are unknown or do not fit into 32 bits are 0xFFFFFFFF, which readers take as "to the end".
    """
    known = data_bytes is not None and data_bytes <= WAV_LENGTH_UNKNOWN - WAV_HEADER_BYTES
    data_size = data_bytes if known and data_bytes is not None else WAV_LENGTH_UNKNOWN
    riff_size = data_size + WAV_HEADER_BYTES - 8 if known else WAV_LENGTH_UNKNOWN
    bytes_per_second = sample_rate * BYTES_PER_SAMPLE
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        *(b"RIFF", riff_size, b"WAVE"),
        *(b"fmt ", 16, 1, 1, sample_rate, bytes_per_second, BYTES_PER_SAMPLE, 8 * BYTES_PER_SAMPLE),
        *(b"data", data_size),
    )


class _PcmEncoder:
    """An encoder for plain samples (s16le); a header, if any, leaves with the first audio."""

    def __init__(self, header: bytes) -> None:
        self._header = header
        self._finished = False

    def encode(self, samples: Samples) -> bytes:
        _refuse_if(self._finished)
        data = to_s16le(samples)
        return self._take_header() + data if data else b""

    def finish(self) -> bytes:
        _refuse_if(self._finished)
        self._finished = True
        return self._take_header()

    def _take_header(self) -> bytes:
        header, self._header = self._header, b""
        return header


class _Outbox:
    """A sink that cannot seek and is emptied after every chunk."""

    def __init__(self) -> None:
        self._data = bytearray()

    def write(self, data: bytes) -> int:
        self._data += data
        return len(data)

    def take(self) -> bytes:
        data = bytes(self._data)
        self._data.clear()
        return data


class _LiveEncoder:
    """An encoder for a compressed format, which is written as a live stream."""

    def __init__(self, audio_format: AudioFormat, sample_rate: int) -> None:
        self._outbox = _Outbox()
        self._muxer = Muxer(self._outbox, audio_format, sample_rate, live=True)
        self._finished = False

    def encode(self, samples: Samples) -> bytes:
        _refuse_if(self._finished)
        self._muxer.write(samples)
        return self._outbox.take()

    def finish(self) -> bytes:
        _refuse_if(self._finished)
        self._finished = True
        self._muxer.close()
        return self._outbox.take()


def _refuse_if(finished: bool) -> None:
    if finished:
        raise UsageError("this encoder has finished its stream; open a new one")
