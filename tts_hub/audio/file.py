"""Finished audio files: written beside their place, and moved there when complete."""

from __future__ import annotations

import os
import stat
from collections.abc import AsyncIterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Protocol

from anyio import to_thread

from tts_hub.audio.codec import Muxer
from tts_hub.audio.encode import WAV_HEADER_BYTES, Encoder, open_encoder, wav_header
from tts_hub.audio.formats import PCM, WAV, AudioFormat, check_sample_rate
from tts_hub.errors import AudioError, OutputError, UsageError
from tts_hub.system.temporary import open_temporary, put_in_place, why_not_written
from tts_hub.types import AudioChunk, Samples


class AudioFileWriter:
    """Writes one audio file that appears whole at `commit`, or not at all.

    An existing file is replaced, unless `replace` is false: then it is an error, at the start or at `commit`.

    The samples go into a temporary file in the same folder, through a muxer that can seek: lengths and
    gapless marks in the headers are exact. A path that is no regular file (a device, a pipe) is written to
    directly, as a live stream; a pipe waits for its reader. Every method raises `OutputError` when the disk
    or the folder refuses, and `AudioError` when the codec does. As a context manager it discards a file that
    was not committed.
    """

    def __init__(
        self, path: str | Path, audio_format: AudioFormat, sample_rate: int, *, replace: bool = True
    ) -> None:
        check_sample_rate(audio_format, sample_rate)
        self._path = self._given = Path(path)
        self._replace = replace
        self._temporary: Path | None = None
        self._file: IO[bytes] | None = None
        try:
            self._file = self._open()
        except OSError as exc:
            raise self._cannot_write(exc) from exc
        try:
            self._body = open_body(
                self._file, audio_format, sample_rate, seekable=self._temporary is not None
            )
        except AudioError:
            self.discard()
            raise

    def write(self, samples: Samples) -> None:
        """Write samples of shape (T,), T from 0."""
        self._require_open()
        try:
            self._body.write(samples)
        except OSError as exc:
            self.discard()
            raise self._cannot_write(exc) from exc

    def commit(self) -> None:
        """Complete the file and put it in its place."""
        file = self._require_open()
        try:
            self._body.close()
            file.flush()
            if self._temporary is not None:
                os.fsync(file.fileno())
            file.close()
            if self._temporary is not None:
                put_in_place(self._temporary, self._path, replace=self._replace)
        except OSError as exc:
            self.discard()
            raise self._cannot_write(exc) from exc
        self._file = None

    def discard(self) -> None:
        """Remove the file unless it was committed; may be called at any time."""
        file, self._file = self._file, None
        if file is None:
            return
        with suppress(OSError):
            file.close()
        if self._temporary is not None:
            with suppress(OSError):
                self._temporary.unlink()

    def __enter__(self) -> AudioFileWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()

    def _open(self) -> IO[bytes]:
        if self._path.is_dir():
            raise IsADirectoryError
        if _is_special(self._path):
            return self._path.open("wb", buffering=0)
        # A link stays a link: the file that it points to is replaced.
        self._path = Path(os.path.realpath(self._path))
        if not self._replace and self._path.exists():
            raise FileExistsError
        self._temporary, file = open_temporary(self._path)
        return file

    def _require_open(self) -> IO[bytes]:
        if self._file is None:
            raise UsageError(f"{self._given} was committed or discarded; it takes no more audio")
        return self._file

    def _cannot_write(self, exc: OSError) -> OutputError:
        return OutputError(f"cannot write {self._given}: {why_not_written(self._path, exc)}")


async def write_chunks(chunks: AsyncIterable[AudioChunk], writer: AudioFileWriter) -> None:
    """Write and commit a file in threads: the disk may be slow.

    Raises:
        OutputError: the file cannot be written.
    """
    async for chunk in chunks:
        await to_thread.run_sync(writer.write, chunk.samples)
    await to_thread.run_sync(writer.commit)


class Body(Protocol):
    """A writer of the content of an audio file. Not for use by two threads at once.

    Both methods raise `AudioError` when the codec fails and let `OSError` of the file through.
    """

    def write(self, samples: Samples) -> None:
        """Write samples of shape (T,), T from 0."""

    def close(self) -> None:
        """Write the samples that are still held, and the lengths into the header; the file stays open."""


class _StreamBody:
    """The bytes of an encoder, one after the other."""

    def __init__(self, file: IO[bytes], encoder: Encoder) -> None:
        self._file = file
        self._encoder = encoder

    def write(self, samples: Samples) -> None:
        self._put(self._encoder.encode(samples))

    def close(self) -> None:
        self._put(self._encoder.finish())

    def _put(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[self._file.write(rest) :]


class _WavBody(_StreamBody):
    """A WAV file; at the end its length is written into the header."""

    def __init__(self, file: IO[bytes], sample_rate: int) -> None:
        super().__init__(file, open_encoder(WAV, sample_rate))
        self._sample_rate = sample_rate

    def close(self) -> None:
        super().close()
        data_bytes = self._file.tell() - WAV_HEADER_BYTES
        self._file.seek(0)
        self._file.write(wav_header(self._sample_rate, data_bytes))


def open_body(file: IO[bytes], audio_format: AudioFormat, sample_rate: int, *, seekable: bool) -> Body:
    """A writer of the content of an audio file; if `file` can seek, its header is exact."""
    if not seekable or audio_format == PCM:
        return _StreamBody(file, open_encoder(audio_format, sample_rate))
    if audio_format == WAV:
        return _WavBody(file, sample_rate)
    return Muxer(file, audio_format, sample_rate, live=False)


def _is_special(path: Path) -> bool:
    """Whether the path is something that a file must not replace, such as a device."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return False
    return not stat.S_ISREG(mode) or path.is_relative_to("/dev") or path.is_relative_to("/proc")
