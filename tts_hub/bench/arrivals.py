"""When which part of the audio could be played: bytes and their arrival, turned into seconds of sound."""

from __future__ import annotations

import bisect
import io
import itertools
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tts_hub.errors import AudioError
from tts_hub.types import Samples

OGG_HEADER = 27
"""Bytes of an Ogg page before its table of segments (RFC 3533)."""


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of a body, as it came."""

    at: float
    """Seconds since the request was sent."""
    data: bytes


@dataclass(frozen=True, slots=True)
class Playable:
    """From `at` on, `seconds` of the audio could be played."""

    at: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Decoded:
    """A whole body, decoded, and when each part of it became playable."""

    samples: Samples
    sample_rate: int
    timeline: tuple[Playable, ...]
    """Growing in both fields."""

    @property
    def seconds(self) -> float:
        """Length of the audio."""
        return len(self.samples) / self.sample_rate


def decode(parts: Sequence[Part], response_format: str, pcm_rate: int = 24_000) -> Decoded:
    """Decode a body that came in parts.

    A packet counts as playable when its last byte (in Ogg: the last byte of its page) has come.

    Raises:
        AudioError: it cannot be decoded, or holds no audio.
    """
    data = b"".join(part.data for part in parts)
    if response_format == "pcm":
        samples: Samples = np.frombuffer(data[: len(data) // 2 * 2], "<i2").astype(np.float32)
        samples = samples / np.float32(32_768)
        packets: list[tuple[int, float]] = [
            (end, end / 2 / pcm_rate) for end in itertools.accumulate(len(part.data) for part in parts)
        ]
        rate = pcm_rate
    else:
        samples, rate, packets = _decode_container(data)
    if not len(samples):
        raise AudioError("the body holds no audio")
    return Decoded(samples, rate, tuple(_timeline(parts, packets)))


def _decode_container(data: bytes) -> tuple[Samples, int, list[tuple[int, float]]]:
    """Samples, rate, and for each packet: where its bytes end, and seconds of audio up to its end."""
    import av

    pages = _ogg_pages(data)
    pieces: list[Samples] = []
    packets: list[tuple[int, float]] = []
    count = 0
    try:
        with av.open(io.BytesIO(data), "r") as container:
            stream = container.streams.audio[0]
            rate = stream.rate
            resampler = av.AudioResampler(format="fltp", layout="mono", rate=rate)
            for packet in container.demux(stream):
                for frame in packet.decode():
                    for plain in resampler.resample(frame):
                        pieces.append(plain.to_ndarray()[0].astype(np.float32))
                        count += len(pieces[-1])
                if packet.pos is not None and packet.size:
                    end = pages.get(packet.pos, packet.pos + packet.size)
                    packets.append((min(end, len(data)), count / rate))
    except (av.FFmpegError, IndexError) as exc:
        raise AudioError(f"the body cannot be decoded: {exc}") from exc
    if packets:
        packets.append((len(data), count / rate))
    return np.concatenate(pieces) if pieces else np.zeros(0, np.float32), rate, packets


def _ogg_pages(data: bytes) -> dict[int, int]:
    """Start of each Ogg page -> its end."""
    pages: dict[int, int] = {}
    at = 0
    while data[at : at + 4] == b"OggS" and at + OGG_HEADER <= len(data):
        (segments,) = struct.unpack_from("B", data, at + OGG_HEADER - 1)
        table = data[at + OGG_HEADER : at + OGG_HEADER + segments]
        end = at + OGG_HEADER + segments + sum(table)
        pages[at] = end
        at = end
    return pages


def _timeline(parts: Sequence[Part], packets: Sequence[tuple[int, float]]) -> Iterator[Playable]:
    ends = list(itertools.accumulate(len(part.data) for part in parts))
    reached = 0.0
    for end, seconds in packets:
        if seconds > reached:
            reached = seconds
            yield Playable(parts[min(bisect.bisect_left(ends, end), len(parts) - 1)].at, seconds)
