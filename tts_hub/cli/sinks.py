"""Where the audio of `speak` goes to."""

from __future__ import annotations

import os
import select
import sys
from contextlib import suppress
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
        if sys.stdout is None:
            raise OutputError("cannot write to stdout: it is closed")
        self._stdout = sys.stdout.fileno()
        self._encoder = open_encoder(audio_format, sample_rate)
        self._seconds = 0.0
        self._sample_rate = sample_rate

    async def write(self, samples: Samples) -> None:
        """Encode and pass on at once."""
        await self._send(await anyio.to_thread.run_sync(self._encoder.encode, samples))
        self._seconds += len(samples) / self._sample_rate

    async def finish(self) -> None:
        """Send what the encoder still holds."""
        await self._send(await anyio.to_thread.run_sync(self._encoder.finish))

    def close(self) -> None:
        """Nothing to do: stdout belongs to the process."""

    async def _send(self, data: bytes) -> None:
        """Write only what stdout takes at once: a thread stuck in a full pipe would outlive Ctrl-C."""
        rest = memoryview(data)
        try:
            while rest:
                await _writable(self._stdout)
                with suppress(BlockingIOError):
                    rest = rest[os.write(self._stdout, rest[: select.PIPE_BUF]) :]
        except BrokenPipeError as exc:
            raise OutputError(f"the reader of stdout went away after {self._seconds:.1f} s of audio") from exc
        except OSError as exc:
            raise OutputError(f"cannot write to stdout: {exc.strerror}") from exc


async def _writable(descriptor: int) -> None:
    with suppress(PermissionError):  # a regular file cannot be waited for, and need not be
        await anyio.wait_writable(descriptor)
