"""Where the audio of `speak` goes to."""

from __future__ import annotations

import os
import sys
from typing import Protocol

import anyio

from tts_hub.audio.encode import open_encoder
from tts_hub.audio.file import AudioFileWriter
from tts_hub.audio.formats import AudioFormat
from tts_hub.errors import OutputError
from tts_hub.types import Samples


class Sink(Protocol):
    """Takes audio as it is made."""

    async def write(self, samples: Samples) -> None:
        """Take a piece: (T,) mono float32."""

    async def finish(self) -> None:
        """All is there: make it final."""

    def close(self) -> None:
        """Let go; without `finish` before, nothing half is left behind."""


class FileSink:
    """A file that appears whole or not at all."""

    def __init__(self, path: str, audio_format: AudioFormat, sample_rate: int) -> None:
        self._writer = AudioFileWriter(path, audio_format, sample_rate)

    async def write(self, samples: Samples) -> None:
        """Encode into the temporary file."""
        await anyio.to_thread.run_sync(self._writer.write, samples)

    async def finish(self) -> None:
        """Put the file in its place."""
        await anyio.to_thread.run_sync(self._writer.commit)

    def close(self) -> None:
        """Remove the temporary file if it is still there."""
        self._writer.discard()


class StdoutSink:
    """Standard output, encoded for a reader that cannot seek."""

    def __init__(self, audio_format: AudioFormat, sample_rate: int) -> None:
        self._encoder = open_encoder(audio_format, sample_rate)
        self._seconds = 0.0
        self._sample_rate = sample_rate

    async def write(self, samples: Samples) -> None:
        """Encode and pass on at once."""
        await anyio.to_thread.run_sync(self._put, samples, abandon_on_cancel=True)
        self._seconds += len(samples) / self._sample_rate

    async def finish(self) -> None:
        """Send what the encoder still holds."""
        await anyio.to_thread.run_sync(self._send, self._encoder.finish(), abandon_on_cancel=True)

    def close(self) -> None:
        """Nothing to do: stdout belongs to the process."""

    def _put(self, samples: Samples) -> None:
        self._send(self._encoder.encode(samples))

    def _send(self, data: bytes) -> None:
        try:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        except BrokenPipeError as exc:
            _silence_stdout()
            raise OutputError(f"the reader of stdout went away after {self._seconds:.1f} s of audio") from exc
        except OSError as exc:
            raise OutputError(f"cannot write to stdout: {exc.strerror}") from exc


def _silence_stdout() -> None:
    """Python flushes stdout once more at exit, which would complain a second time."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
