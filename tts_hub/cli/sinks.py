"""Where the audio of `speak` goes to."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol, TypeVar

import anyio
from anyio.abc import TaskGroup

from tts_hub.audio.encode import open_encoder
from tts_hub.audio.file import AudioFileWriter
from tts_hub.audio.formats import AudioFormat
from tts_hub.errors import OutputError, TTSHubError
from tts_hub.types import Samples

T = TypeVar("T")
LOOK_EVERY = 0.05
"""Seconds between two looks at whether a pipe has a reader."""


class Sink(Protocol):
    """Takes audio as it is made."""

    async def write(self, samples: Samples) -> None:
        """Take a piece: (T,) mono float32."""

    async def finish(self) -> None:
        """All is there: make it final."""

    def close(self) -> None:
        """Let go; without `finish` before, nothing half is left behind."""


class Player(Sink, Protocol):
    """A loudspeaker, which may fail while it has nothing to play yet."""

    async def wait_for_failure(self) -> OutputError:
        """Wait until it fails, if ever; how."""


class FileSink:
    """A file that appears whole or not at all."""

    def __init__(self, path: str, audio_format: AudioFormat, sample_rate: int, *, replace: bool) -> None:
        self._writer = AudioFileWriter(path, audio_format, sample_rate, replace=replace)

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
            raise OutputError(f"stdout was closed after {self._seconds:.1f} s of audio") from exc
        except OSError as exc:
            raise OutputError(f"cannot write to stdout: {exc.strerror}") from exc


async def open_file(path: str, audio_format: AudioFormat, sample_rate: int, *, replace: bool) -> FileSink:
    """A sink into a file; a named pipe is waited for until somebody reads it.

    Raises:
        OutputError: it cannot be written.
    """
    reader = await _reader_of(path)
    try:
        return FileSink(path, audio_format, sample_rate, replace=replace)
    finally:
        if reader is not None:
            os.close(reader)


async def _reader_of(path: str) -> int | None:
    """A descriptor that keeps the reader of a named pipe there; None for anything else.

    To open the pipe as usual would block until there is a reader, and Ctrl-C with it.
    """
    while _is_pipe(path):
        with suppress(OSError):  # ENXIO: no reader yet; any other error is raised when it is opened
            return os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        await anyio.sleep(LOOK_EVERY)
    return None


def _is_pipe(path: str) -> bool:
    return Path(path).is_fifo()


async def unless_it_fails(player: Player | None, work: Callable[[], Awaitable[T]]) -> T:
    """The result of `work`, which takes long; it is broken off when the player fails meanwhile.

    Raises:
        OutputError: how it failed.
    """
    if player is None:
        return await work()
    outcome: list[T] = []
    failures: list[Exception] = []

    async def watch(tasks: TaskGroup) -> None:
        failures.append(await player.wait_for_failure())
        tasks.cancel_scope.cancel()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch, tasks)
        try:
            outcome.append(await work())
        except TTSHubError as exc:  # the group would wrap it
            failures.append(exc)
        tasks.cancel_scope.cancel()
    if outcome:
        return outcome[0]
    raise failures[0]


async def _writable(descriptor: int) -> None:
    with suppress(PermissionError):  # a regular file cannot be waited for, and need not be
        await anyio.wait_writable(descriptor)
