"""Decoding of untrusted clips by FFmpeg, in a process of its own: a program, not a part of the hub.

`decoding` runs this file by its path, so that nothing but av and numpy is imported. The arguments are the
name of the container and the folders of these two packages. The clip comes on the standard input; the
standard output gets `READY` once all is imported, then either `SAMPLES`, the sample rate and the samples in
float32, or `REFUSED` and the reason in UTF-8.

The limits of the process are set before the first byte is read and cannot be raised again: time, memory,
and no new file or socket. A plain `av.open` guesses the container, and so follows playlists (ffconcat) to
other files and session descriptions (SDP) to the network; here FFmpeg gets one container by name, and bytes
instead of a path. The limits of a clip are checked on the decoded sound, not on what a header claims.
"""

from __future__ import annotations

import io
import struct
import sys
import wave
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

if __name__ == "__main__":
    sys.path += sys.argv[2:]

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.container import InputContainer

Samples = NDArray[np.float32]

MAX_SECONDS = 120.0
"""The longest clip. A longer one is refused rather than cut, as all of it shapes the speaker's vector."""
MIN_RATE = 8_000
MAX_RATE = 192_000
MAX_CHANNELS = 8
LOUDEST = 1e10
"""The largest floating point sample. Some files scale like 32 bit integers; far beyond, squares overflow."""
MAX_CPU_SECONDS = 10
"""The limit of this process; 120 s of MP3 take about 0.3 s, and the imports as much again."""
MAX_ADDRESS_SPACE = 1_000_000_000
"""Bytes. 120 s at 192 kHz take 0.7 GB, of which 0.2 GB are the libraries."""
STANDARD_FILES = 3
"""Standard input, output and error."""

READY = b"+"
SAMPLES = b"S"
REFUSED = b"R"
RATE = struct.Struct("<I")
"""Sample rate in Hz."""

_PCM = ("pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_f64le", "pcm_alaw", "pcm_mulaw")
DECODERS = {
    "wav": _PCM,
    "flac": ("flac",),
    "mp3": ("mp3float", "mp3"),
    "ogg": ("vorbis", "opus", "flac"),
    "mov": ("aac", "alac", "opus"),
    "matroska": ("opus", "vorbis"),
}
"""FFmpeg's name of a container -> the names of the decoders that it may need; no other is ever started.
Browsers record Opus in `matroska` (WebM) and AAC or Opus in `mov` (MP4)."""


class RefusedError(Exception):
    """The clip cannot become a voice; the message continues the words "the reference clip"."""


def decode(data: bytes, container: str) -> tuple[Samples, int]:
    """Decode a clip to samples (N,), the mean of its channels, and their rate in Hz.

    16 and 24 bit samples become exactly value / full scale. Opus is decoded at 48 kHz, whatever rate it was
    made from: that is nearer to the original than the rate that libsndfile would choose.

    Raises:
        RefusedError: the bytes are broken, not of this container, or exceed one of the limits above.
    """
    # The hub imports this module for its constants, and av takes a while.
    import av
    import av.subtitles.codeccontext  # else imported with the first M4A that has subtitles: too late

    try:
        with _opened(data, container) as opened:
            return _sound(opened, DECODERS[container])
    except av.error.FFmpegError as exc:
        raise RefusedError(f"is damaged: {exc.strerror}") from exc
    except (ValueError, OverflowError) as exc:  # PyAV raises these for impossible numbers in the file
        raise RefusedError(f"is damaged: {exc}") from exc
    except MemoryError as exc:
        raise RefusedError("needs too much memory to decode") from exc


def restrict() -> None:
    """Set the limits of this process irrevocably, as far as the platform has them."""
    try:
        import resource
    except ImportError:  # Windows
        return
    limits = {
        resource.RLIMIT_CPU: MAX_CPU_SECONDS,
        resource.RLIMIT_AS: MAX_ADDRESS_SPACE,
        resource.RLIMIT_NOFILE: STANDARD_FILES,  # so that no other file or socket can be opened
        resource.RLIMIT_CORE: 0,
    }
    for which, most in limits.items():
        # At the lower limit of time the process gets SIGXCPU, which names it; at the upper one SIGKILL.
        upper = most + 1 if which == resource.RLIMIT_CPU else most
        _, hard = resource.getrlimit(which)
        if hard != resource.RLIM_INFINITY:
            upper = min(upper, hard)
        with suppress(ValueError, OSError):  # macOS takes no limit of the address space
            resource.setrlimit(which, (min(most, upper), upper))


def warm_up() -> None:
    """Decode a little silence, so that av imports all it needs while files can still be opened."""
    silence = io.BytesIO()
    with wave.open(silence, "wb") as file:
        file.setparams((1, 2, MIN_RATE, 0, "NONE", ""))
        file.writeframes(bytes(2 * MIN_RATE))
    decode(silence.getvalue(), "wav")


def main() -> None:
    """Decode the clip on the standard input."""
    warm_up()
    restrict()
    out = sys.stdout.buffer
    out.write(READY)
    out.flush()
    try:
        samples, sample_rate = decode(sys.stdin.buffer.read(), sys.argv[1])
    except RefusedError as exc:
        out.write(REFUSED + str(exc).encode())
    else:
        out.write(SAMPLES + RATE.pack(sample_rate))
        out.write(samples.astype("<f4", copy=False).data)
    out.flush()


def _opened(data: bytes, container: str) -> InputContainer:
    """Open the bytes such that they cannot name another file, format or address."""
    import av

    options = {
        "format_whitelist": container,
        "codec_whitelist": ",".join(DECODERS[container]),
        "protocol_whitelist": "none",
    }
    return av.open(io.BytesIO(data), "r", format=container, options=options)


def _sound(opened: InputContainer, decoders: tuple[str, ...]) -> tuple[Samples, int]:
    if not opened.streams.audio:
        raise RefusedError("holds no sound")
    stream = opened.streams.audio[0]
    decoder = stream.codec_context.name
    if decoder not in decoders:
        raise RefusedError(f"is encoded as {decoder}, which is not read from such a file")
    stream.codec_context.thread_type = "NONE"
    pieces: list[Samples] = []
    sample_rate = 0
    for frame in _within_limits(opened.decode(stream)):
        sample_rate = frame.sample_rate
        pieces.append(_mixed_down(frame))
    if not pieces:
        raise RefusedError("holds no sound")
    samples = np.concatenate(pieces)
    if not np.isfinite(samples).all():
        raise RefusedError("holds samples that are not numbers (NaN or infinity)")
    if max(samples.max(), -samples.min()) > LOUDEST:
        raise RefusedError("holds samples far beyond full scale")
    return samples, sample_rate


def _within_limits(frames: Iterator[AudioFrame]) -> Iterator[AudioFrame]:
    """Yield the frames, until one exceeds a limit."""
    count = 0
    first: AudioFrame | None = None
    for frame in frames:
        first = first or frame
        if not MIN_RATE <= frame.sample_rate <= MAX_RATE:
            raise RefusedError(f"is sampled at {frame.sample_rate} Hz; possible: {MIN_RATE} to {MAX_RATE} Hz")
        if frame.layout.nb_channels > MAX_CHANNELS:
            raise RefusedError(
                f"has {frame.layout.nb_channels} channels; at most {MAX_CHANNELS} are possible"
            )
        if (frame.sample_rate, frame.layout.nb_channels) != (first.sample_rate, first.layout.nb_channels):
            raise RefusedError("changes its sample rate or its number of channels on the way")
        count += frame.samples
        if count > MAX_SECONDS * frame.sample_rate:
            raise RefusedError(f"is longer than {MAX_SECONDS:g} s; cut it")
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
    """Samples as float32; integers of any size are scaled to [-1, 1)."""
    if array.dtype == np.uint8:
        return (array.astype(np.float32) - 128) / np.float32(128)
    if np.issubdtype(array.dtype, np.signedinteger):
        return array.astype(np.float32) / np.float32(2.0 ** (8 * array.dtype.itemsize - 1))
    with np.errstate(over="ignore"):  # numbers too large for float32 become infinite, and are refused
        return array.astype(np.float32)


if __name__ == "__main__":
    main()
