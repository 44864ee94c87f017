"""The loudspeaker, through `sounddevice` or a player program that is on the machine."""

from __future__ import annotations

import shutil
import subprocess
import sys
from contextlib import suppress
from typing import Any

import anyio

from tts_hub.audio.pcm import to_s16le
from tts_hub.cli.sinks import Player
from tts_hub.errors import OutputError
from tts_hub.types import Samples

PROGRAMS = {
    "paplay": "--raw --format=s16le --channels=1 --rate={rate}",
    "pw-cat": "--playback --format=s16 --channels=1 --rate={rate} -",
    "aplay": "-q -t raw -f S16_LE -c 1 -r {rate} -",
    "ffplay": "-nodisp -autoexit -loglevel error -f s16le -ar {rate} -ch_layout mono -i -",
    "play": "-q -t raw -e signed -b 16 -c 1 -r {rate} -",
}
"""Programs that play raw 16-bit audio from stdin, and how they are told its shape."""
PATIENCE = 1.0
"""Seconds that a player has to end when it is told to."""
LOOK_EVERY = 0.05
"""Seconds between two looks at whether a player still runs."""


async def open_player(sample_rate: int) -> Player:
    """A sink that plays.

    Raises:
        OutputError: nothing on this machine can play; the error says why, and what to install.
    """
    sounddevice, reason, remedy = await anyio.to_thread.run_sync(_sounddevice)
    if sounddevice is not None:
        return await anyio.to_thread.run_sync(_DeviceSink, sounddevice, sample_rate)
    for program, arguments in PROGRAMS.items():
        path = shutil.which(program)
        if path:
            return _ProgramSink([path, *arguments.format(rate=sample_rate).split()])
    raise OutputError(f"no audio output found: {reason} (to fix: {remedy})")


def _sounddevice() -> tuple[Any, str, str]:
    """The module `sounddevice`; or None, why it cannot play here, and what helps."""
    programs = f"or install one of the players {', '.join(PROGRAMS)}"
    try:  # an optional package, and a library of the system
        import sounddevice
    except ImportError:
        return None, "the Python package sounddevice is not installed", f"pip install sounddevice, {programs}"
    except OSError:
        return None, "the PortAudio library is not installed", f"{_portaudio_command()}, {programs}"
    try:
        sounddevice.query_devices(kind="output")
    except (sounddevice.PortAudioError, ValueError):
        remedy = "connect one, or write a file with -o speech.mp3"
        return None, "this machine has no loudspeaker or headphones", remedy
    return sounddevice, "", ""


def _portaudio_command() -> str:
    return "brew install portaudio" if sys.platform == "darwin" else "sudo apt install libportaudio2"


class _DeviceSink(Player):
    def __init__(self, sounddevice: Any, sample_rate: int) -> None:
        self._error = sounddevice.PortAudioError
        try:
            self._stream = sounddevice.OutputStream(samplerate=sample_rate, channels=1, dtype="float32")
            self._stream.start()
        except self._error as exc:
            raise OutputError(f"cannot play: {exc}") from exc

    async def wait_for_failure(self) -> OutputError:
        """Never before something is played."""
        await anyio.sleep_forever()
        raise AssertionError

    async def write(self, samples: Samples) -> None:
        await anyio.to_thread.run_sync(self._put, samples)

    async def finish(self) -> None:
        await anyio.to_thread.run_sync(self._stream.stop)

    def close(self) -> None:
        self._stream.close()

    def _put(self, samples: Samples) -> None:
        try:
            self._stream.write(samples[:, None])
        except self._error as exc:
            raise OutputError(f"the loudspeaker stopped: {exc}") from exc


class _ProgramSink(Player):
    def __init__(self, command: list[str]) -> None:
        self._name = command[0]
        try:  # its stdout is kept out of ours, which may carry the audio
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
            )
        except OSError as exc:
            raise OutputError(f"cannot run {self._name}: {exc.strerror}") from exc

    async def wait_for_failure(self) -> OutputError:
        """Wait until the program ends before it should: it has no loudspeaker, for instance."""
        while self._process.poll() is None:  # noqa: ASYNC110 - a thread that waits would outlive Ctrl-C
            await anyio.sleep(LOOK_EVERY)
        return self._stopped()

    async def write(self, samples: Samples) -> None:
        await anyio.to_thread.run_sync(self._put, samples, abandon_on_cancel=True)

    async def finish(self) -> None:
        _, complaint = await anyio.to_thread.run_sync(self._process.communicate, abandon_on_cancel=True)
        if self._process.returncode:
            raise OutputError(f"{self._name} failed: {_last_line(complaint)}")

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        for pipe in (self._process.stdin, self._process.stderr):
            if pipe is not None:
                with suppress(BrokenPipeError):  # what it had not taken yet
                    pipe.close()

    def _put(self, samples: Samples) -> None:
        if self._process.stdin is None:
            return
        try:
            self._process.stdin.write(to_s16le(samples))
            self._process.stdin.flush()
        except BrokenPipeError as exc:
            raise self._stopped() from exc

    def _stopped(self) -> OutputError:
        complaint = self._process.stderr.read() if self._process.stderr is not None else b""
        return OutputError(f"{self._name} stopped: {_last_line(complaint)}")


def _last_line(complaint: bytes) -> str:
    lines = complaint.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it gave no reason"
