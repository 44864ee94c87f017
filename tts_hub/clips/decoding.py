"""Clips as people upload them: recognised by their first bytes, decoded by a process with limited rights.

FFmpeg is a large library in C that reads untrusted files here. Its failures, from exhausted memory to a
crash, are those of that process alone, and become an error about the clip.
"""

from __future__ import annotations

import hashlib
import logging
import os
import signal
import stat
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from tts_hub.clips import decoding_process
from tts_hub.clips.decoding_process import RATE, READY, REFUSED, SAMPLES
from tts_hub.errors import AudioError, InvalidRequestError
from tts_hub.types import Samples

MAX_BYTES = 50_000_000
"""The largest encoded clip."""
CLIP_SUFFIXES = frozenset({".wav", ".mp3", ".flac", ".ogg", ".oga", ".opus", ".m4a", ".mp4", ".webm"})
"""The usual suffixes of files that can be read."""
MAX_WAIT = 30.0
"""Seconds after which the process is stopped. It may use `decoding_process.MAX_CPU_SECONDS` of a processor,
which take longer on a busy machine."""
KEPT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""Environment variables that Python may need to find its own libraries. No others are passed on, as they may
hold keys and tokens."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Clip:
    """The decoded sound of a file."""

    samples: Samples
    """Shape (N,), the mean of its channels."""
    sample_rate: int
    """Hz, the file's own."""

    @property
    def seconds(self) -> float:
        """Length of the sound."""
        return len(self.samples) / self.sample_rate


def clip_error(reason: str) -> InvalidRequestError:
    """The error for a clip that cannot become a voice; `reason` continues "the reference clip"."""
    return InvalidRequestError(f"the reference clip {reason}", param="voice")


def read_clip(path: Path) -> bytes:
    """The bytes of a clip on disk.

    Raises:
        InvalidRequestError: the file cannot be read, is no regular file, or is larger than `MAX_BYTES`.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise clip_error(f"{path.name} is not a file")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as exc:
        raise clip_error(f"{path.name} cannot be read: {exc.strerror or exc}") from exc
    _check_size(data)
    return data


def clip_hash(data: bytes) -> str:
    """The SHA-256 of the file's bytes in hexadecimal, which identifies a clip."""
    return hashlib.sha256(data).hexdigest()


def decode_clip(data: bytes) -> Clip:
    """Decode the bytes of a WAV, MP3, FLAC, Ogg, M4A or MP4, or WebM file.

    `decoding_process.DECODERS` has the codecs of each.

    Blocks for some 0.2 s, most of which is the start of the process.

    Raises:
        InvalidRequestError: the bytes are none of these, are broken, exceed one of the limits of
            `decoding_process`, or end the process before it has decoded them.
        AudioError: the process cannot be started, or does not find its libraries.
    """
    _check_size(data)
    answer = _answer(_command(_container(data)), data)
    kind, content = answer[:1], memoryview(answer)[1:]
    if kind == REFUSED:
        raise clip_error(bytes(content).decode(errors="replace"))
    if kind != SAMPLES or len(content) <= RATE.size or (len(content) - RATE.size) % 4:
        raise clip_error("cannot be decoded: the decoder broke off")
    (sample_rate,) = RATE.unpack(content[: RATE.size])
    return Clip(np.frombuffer(content[RATE.size :], "<f4").astype(np.float32), sample_rate)


def _check_size(data: bytes) -> None:
    if not data:
        raise clip_error("is empty")
    if len(data) > MAX_BYTES:
        raise clip_error(f"is larger than {MAX_BYTES // 1_000_000} MB; cut it, or save it as FLAC or MP3")


def _container(data: bytes) -> str:
    """The container that the first bytes belong to, by FFmpeg's name."""
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        return "wav"
    if data[:4] == b"fLaC":
        return "flac"
    if data[:4] == b"OggS":
        return "ogg"
    if data[4:8] == b"ftyp":
        return "mov"
    if data[:4] == b"\x1aE\xdf\xa3":
        return "matroska"
    if data[:3] == b"ID3" or _begins_mp3_frame(data):
        return "mp3"
    raise clip_error("is not in a known format; possible: WAV, MP3, FLAC, Ogg, M4A, WebM")


def _begins_mp3_frame(data: bytes) -> bool:
    """Whether an MPEG frame header comes first: eleven sync bits, then version and layer, III being 01."""
    return len(data) > 1 and data[0] == 0xFF and data[1] & 0xE6 == 0xE2 and data[1] & 0x18 != 0x08


def _command(container: str) -> list[str]:
    """The command of an isolated Python that finds av and numpy where this one does, and nothing else."""
    found = [spec.origin for spec in map(find_spec, ("av", "numpy")) if spec is not None and spec.origin]
    folders = dict.fromkeys(str(Path(origin).parents[1]) for origin in found)
    return [sys.executable, "-I", "-S", decoding_process.__file__, container, *folders]


def _answer(command: list[str], data: bytes) -> bytes:
    """The output of the process behind `READY`.

    Raises:
        InvalidRequestError: decoding the clip has ended the process.
        AudioError: the process has ended before it read the clip.
    """
    environ = {name: os.environ[name] for name in KEPT if name in os.environ}
    environ["OPENBLAS_NUM_THREADS"] = "1"  # each thread would take memory, and is never used
    try:
        ended = subprocess.run(  # noqa: S603 - its arguments are ours
            command,
            input=data,
            capture_output=True,
            timeout=MAX_WAIT,
            env=environ,
            check=False,
            start_new_session=True,  # Ctrl-C goes to the hub, which ends its processes
        )
    except subprocess.TimeoutExpired as exc:
        raise clip_error(f"takes more than {MAX_WAIT:g} s to decode; save it as WAV") from exc
    except OSError as exc:
        raise AudioError(f"cannot start {command[0]} to decode a clip: {exc}") from exc
    if not ended.stdout.startswith(READY):
        errors = ended.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise AudioError(
            f"cannot decode clips: Python ended with status {ended.returncode}: {errors}",
        )
    if ended.returncode != 0:
        logger.debug("decoding ended with status %d: %s", ended.returncode, ended.stderr)
        raise clip_error(_why(ended.returncode))
    return ended.stdout[len(READY) :]


def _why(status: int) -> str:
    """The reason for a status that is not 0."""
    if status == -signal.SIGXCPU:
        return f"takes more than {decoding_process.MAX_CPU_SECONDS} s to decode; save it as WAV"
    how = f"signal {-status}" if status < 0 else f"status {status}"
    return f"cannot be decoded: the decoder ended with {how}"
