"""The times at which audio could be played: the arrival of bytes, turned into seconds of sound."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tts_hub.audio.limits import DEFAULT_RATE
from tts_hub.errors import AudioError
from tts_hub.types import Samples

OGG_HEADER = 27
"""Bytes of an Ogg page before its table of segments (RFC 3533)."""

PLAIN = ("pcm", "wav")
"""Formats of bare samples."""


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of a body, as it arrived."""

    at: float
    """Seconds since the request was sent."""
    data: bytes


@dataclass(frozen=True, slots=True)
class Playable:
    """A point of the timeline: from `at` on, the first `seconds` of the audio could be played."""

    at: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet of a body: its first `end` bytes decode to `seconds` of audio."""

    end: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Decoded:
    """A decoded body, and when each part of it became playable."""

    samples: Samples
    sample_rate: int
    timeline: tuple[Playable, ...]
    """Both fields grow from one entry to the next."""

    @property
    def seconds(self) -> float:
        """The length of the audio."""
        return len(self.samples) / self.sample_rate


def decode(parts: Sequence[Part], response_format: str, pcm_rate: int = DEFAULT_RATE) -> Decoded:
    """Decode a body that arrived in parts.

    A packet counts as playable when its last byte (in Ogg: the last byte of its page) has arrived; a plain
    sample (pcm, wav) when it has itself. Silence that a codec puts in front (mp3: 46 ms at 24 kHz) is part of
    the audio, as it is for a player: the header of a stream does not say how much to skip.

    Raises:
        AudioError: the body cannot be decoded, is cut off, holds no audio, or has another format.
    """
    data = b"".join(part.data for part in parts)
    if response_format == "pcm":
        samples: Samples = np.frombuffer(data[: len(data) // 2 * 2], "<i2").astype(np.float32)
        samples, rate, packets = samples / np.float32(32_768), pcm_rate, [Packet(0, 0.0)]
    else:
        samples, rate, packets = _decode_container(data, response_format)
    if not len(samples):
        raise AudioError("the body holds no audio")
    packets.append(Packet(len(data), len(samples) / rate))
    timeline = _timeline(parts, packets, plain=response_format in PLAIN)
    return Decoded(samples, rate, tuple(timeline))


def _decode_container(data: bytes, response_format: str) -> tuple[Samples, int, list[Packet]]:
    """The samples, their rate in Hz, and where each packet ends."""
    import av  # slow to import: not for the list of commands

    pages = _ogg_pages(data)
    pieces: list[Samples] = []
    packets: list[Packet] = []
    count = 0
    try:
        with av.open(io.BytesIO(data), "r") as container:
            stream = container.streams.audio[0]
            _check_codec(stream.codec_context.codec.canonical_name, response_format)
            rate = stream.rate
            resampler = av.AudioResampler(format="fltp", layout="mono", rate=rate)
            for packet in container.demux(stream):
                if packet.pos is not None and response_format in PLAIN and not packets:
                    packets.append(Packet(packet.pos, 0.0))
                for frame in packet.decode():
                    for plain in resampler.resample(frame):
                        pieces.append(plain.to_ndarray()[0].astype(np.float32))
                        count += len(pieces[-1])
                if packet.pos is not None and packet.size:
                    end = pages.get(packet.pos, packet.pos + packet.size)
                    packets.append(Packet(min(end, len(data)), count / rate))
    except (av.FFmpegError, IndexError, ValueError) as exc:
        raise AudioError(f"the body cannot be decoded: {exc}") from exc
    return np.concatenate(pieces) if pieces else np.zeros(0, np.float32), rate, packets


def _check_codec(codec: str, response_format: str) -> None:
    """Refuse another format: it must not be measured under the name of the one that was asked for."""
    if not codec.startswith("pcm_" if response_format in PLAIN else response_format):
        raise AudioError(f"{response_format} was asked for, the body is {codec}")


def _ogg_pages(data: bytes) -> dict[int, int]:
    """The start of each Ogg page, mapped to its end."""
    pages: dict[int, int] = {}
    at = 0
    while data[at : at + 4] == b"OggS" and at + OGG_HEADER <= len(data):
        (segments,) = struct.unpack_from("B", data, at + OGG_HEADER - 1)
        table = data[at + OGG_HEADER : at + OGG_HEADER + segments]
        end = at + OGG_HEADER + segments + sum(table)
        pages[at] = end
        at = end
    if at > len(data):
        raise AudioError("the body is cut off in the middle of a page")
    return pages


def _timeline(parts: Sequence[Part], packets: Sequence[Packet], *, plain: bool) -> Iterator[Playable]:
    """The audio that could be played after each part. With `plain`, a sample does not wait for its packet."""
    ends = np.array([packet.end for packet in packets])
    seconds = np.array([packet.seconds for packet in packets])
    arrived = np.cumsum([len(part.data) for part in parts])
    if plain:
        playable = np.interp(arrived, ends, seconds)
    else:
        playable = np.concatenate(([0.0], seconds))[np.searchsorted(ends, arrived, side="right")]
    reached = 0.0
    for part, until in zip(parts, playable.tolist(), strict=True):
        if until > reached:
            reached = until
            yield Playable(part.at, until)
