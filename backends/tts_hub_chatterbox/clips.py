"""Clips of a voice as people upload them: checked, decoded within limits, mixed down to one channel.

A plain `av.open` guesses the container, and so follows playlists (ffconcat) to other files and session
descriptions (SDP) to the network. Here the first bytes decide between five containers, FFmpeg gets that one
by name and bytes instead of a path, and limits are checked against what was decoded, not what a header says.
"""

from __future__ import annotations

import hashlib
import io
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.container import InputContainer
from numpy.typing import NDArray

from tts_hub.errors import InvalidRequestError
from tts_hub.types import Samples

MAX_BYTES = 10_000_000
"""Of the encoded clip."""
MAX_SECONDS = 120.0
"""Of sound in it. A longer clip is refused rather than cut: all of it shapes the speaker's vector."""
MIN_RATE = 8_000
MAX_RATE = 192_000
MAX_CHANNELS = 8
LOUDEST = 1e10
"""Of floating point samples. Some files scale them as 32 bit integers; far beyond that, squares overflow."""
MAX_CPU_SECONDS = 10.0
"""Of decoding; 120 s of MP3 take about 0.3 s."""
SHOWN_SECONDS = f"{MAX_SECONDS:g}"


@dataclass(frozen=True, slots=True)
class Container:
    """A file format that clips come in."""

    demuxer: str
    """Its name in FFmpeg."""
    decoders: tuple[str, ...]
    """Those of FFmpeg that what is in it may need; no other is ever started."""


_PCM = ("pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_f64le", "pcm_alaw", "pcm_mulaw")

WAV = Container("wav", _PCM)
FLAC = Container("flac", ("flac",))
MP3 = Container("mp3", ("mp3float", "mp3"))
OGG = Container("ogg", ("vorbis", "opus", "flac"))
M4A = Container("mov", ("aac", "alac"))


@dataclass(frozen=True, slots=True)
class Clip:
    """What a file sounds like."""

    samples: Samples
    """Shape (N,), the mean of its channels."""
    sample_rate: int
    """Hz, the file's own."""

    @property
    def seconds(self) -> float:
        """Length of the sound."""
        return len(self.samples) / self.sample_rate


def refused(reason: str) -> InvalidRequestError:
    """What to raise about a clip that cannot become a voice."""
    return InvalidRequestError(f"the reference clip {reason}", param="voice")


def read_clip(path: Path) -> bytes:
    """The bytes of a clip on disk.

    Raises:
        InvalidRequestError: it cannot be read, is no regular file, or is longer than `MAX_BYTES`.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise refused(f"{path.name} is not a file")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as exc:
        raise refused(f"{path.name} cannot be read: {exc.strerror or exc}") from exc
    _check_size(data)
    return data


def clip_hash(data: bytes) -> str:
    """SHA-256 of the file's bytes, hexadecimal: what a clip is known by."""
    return hashlib.sha256(data).hexdigest()


def decode_clip(data: bytes) -> Clip:
    """The sound in the bytes of a WAV, MP3, FLAC, Ogg (Vorbis, Opus, FLAC) or M4A (AAC, ALAC) file.

    16 and 24 bit samples come out exactly as value / full scale. Opus is decoded at 48 kHz, whatever rate it
    was made of: that is nearer to the original than the rate that libsndfile would choose.

    Raises:
        InvalidRequestError: the bytes are none of these, are broken, or go beyond one of the limits above.
    """
    _check_size(data)
    container = _sniffed(data)
    try:
        with _opened(data, container) as opened:
            return _decoded(opened, container)
    except av.error.FFmpegError as exc:
        raise refused(f"is damaged: {exc.strerror}") from exc
    except (ValueError, OverflowError) as exc:  # of PyAV, for numbers in the file that make no sense
        raise refused(f"is damaged: {exc}") from exc


def _check_size(data: bytes) -> None:
    if not data:
        raise refused("is empty")
    if len(data) > MAX_BYTES:
        raise refused(f"is larger than {MAX_BYTES // 1_000_000} MB; cut it, or save it as FLAC or MP3")


def _sniffed(data: bytes) -> Container:
    """Which container the first bytes are of."""
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        return WAV
    if data[:4] == b"fLaC":
        return FLAC
    if data[:4] == b"OggS":
        return OGG
    if data[4:8] == b"ftyp":
        return M4A
    if data[:3] == b"ID3" or _begins_mp3_frame(data):
        return MP3
    raise refused("is not in a known format; possible: WAV, MP3, FLAC, Ogg, M4A")


def _begins_mp3_frame(data: bytes) -> bool:
    """Eleven bits of sync, then a version and the layer: III is 01."""
    return len(data) > 1 and data[0] == 0xFF and data[1] & 0xE6 == 0xE2 and data[1] & 0x18 != 0x08


def _opened(data: bytes, container: Container) -> InputContainer:
    """Without any way for the bytes to name another file, format or address."""
    options = {
        "format_whitelist": container.demuxer,
        "codec_whitelist": ",".join(container.decoders),
        "protocol_whitelist": "none",
    }
    return av.open(io.BytesIO(data), "r", format=container.demuxer, options=options)


def _decoded(opened: InputContainer, container: Container) -> Clip:
    if not opened.streams.audio:
        raise refused("holds no sound")
    stream = opened.streams.audio[0]
    decoder = stream.codec_context.name
    if decoder not in container.decoders:
        raise refused(f"is encoded as {decoder}, which is not read from such a file")
    stream.codec_context.thread_type = "NONE"  # so that this thread's time is all that it costs
    pieces: list[Samples] = []
    sample_rate = 0
    for frame in _within_limits(opened.decode(stream)):
        sample_rate = frame.sample_rate
        pieces.append(_mixed_down(frame))
    if not pieces:
        raise refused("holds no sound")
    samples = np.concatenate(pieces)
    if not np.isfinite(samples).all():
        raise refused("holds samples that are not numbers (NaN or infinity)")
    if np.abs(samples).max() > LOUDEST:
        raise refused("holds samples far beyond full scale")
    return Clip(samples, sample_rate)


def _within_limits(frames: Iterator[AudioFrame]) -> Iterator[AudioFrame]:
    """The frames, until one goes beyond a limit."""
    deadline = time.thread_time() + MAX_CPU_SECONDS
    decoded = 0
    first: AudioFrame | None = None
    for frame in frames:
        first = first or frame
        if not MIN_RATE <= frame.sample_rate <= MAX_RATE:
            raise refused(f"is sampled at {frame.sample_rate} Hz; possible: {MIN_RATE} to {MAX_RATE} Hz")
        if frame.layout.nb_channels > MAX_CHANNELS:
            raise refused(f"has {frame.layout.nb_channels} channels; at most {MAX_CHANNELS} are possible")
        if (frame.sample_rate, frame.layout.nb_channels) != (first.sample_rate, first.layout.nb_channels):
            raise refused("changes its sample rate or its number of channels on the way")
        decoded += frame.samples
        if decoded > MAX_SECONDS * frame.sample_rate:
            raise refused(f"is longer than {SHOWN_SECONDS} s; cut it")
        if time.thread_time() > deadline:
            raise refused(f"takes more than {MAX_CPU_SECONDS:g} s to decode; save it as WAV")
        yield frame


def _mixed_down(frame: AudioFrame) -> Samples:
    """Shape (N,): the mean of the channels in [-1, 1]."""
    channels = frame.layout.nb_channels
    array = frame.to_ndarray()  # planar: (channels, N); packed: (1, N * channels)
    if not frame.format.is_planar:
        array = array.reshape(-1, channels).T  # (channels, N)
    mixed: Samples = np.mean(_as_float(array), axis=0, dtype=np.float32)
    return mixed


def _as_float(array: NDArray[np.generic]) -> Samples:
    """Integers of any size on the scale [-1, 1)."""
    if array.dtype == np.uint8:
        return (array.astype(np.float32) - 128) / np.float32(128)
    if np.issubdtype(array.dtype, np.signedinteger):
        return array.astype(np.float32) / np.float32(2.0 ** (8 * array.dtype.itemsize - 1))
    with np.errstate(over="ignore"):  # what float32 cannot hold is infinite then, and refused
        return array.astype(np.float32)
