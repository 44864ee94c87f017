"""The loudspeaker: a device through `sounddevice`, or a silent substitute at the pace of the clock."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from tts_hub.errors import install_command
from tts_hub.types import Samples
from tts_hub_tui.terminal.stderr import quiet_stderr

Fill = Callable[[Samples, float], None]
"""A function that writes the next samples into an array, shape (T,), which sound so many seconds later."""
BLOCK_SECONDS = 0.02
"""Seconds in a block; a stop takes effect within one."""
INSTALL = install_command("tui")


class LoudspeakerError(Exception):
    """The device cannot be opened."""


class Loudspeaker(Protocol):
    """Calls `fill` for block after block, from a thread of its own, until it is closed."""

    sample_rate: int
    """The rate of the samples, in Hz."""

    @property
    def is_alive(self) -> bool:
        """Whether it still calls `fill`."""

    def close(self) -> None:
        """Stop calling `fill`; no call comes after this one returns."""


@dataclass(frozen=True, slots=True)
class OutputDevice:
    """The device of the machine, or the reason why there is none."""

    sounddevice: Any = None
    """The module; None if there is no device."""
    name: str = ""
    silence_reason: str = ""


def find_device() -> OutputDevice:
    """Look for an output device. Blocks; never raises."""
    with quiet_stderr():
        try:
            import sounddevice
        except ImportError:
            return OutputDevice(silence_reason=f"the package sounddevice is missing: {INSTALL}")
        except OSError:  # the PortAudio library is not found
            hint = " (apt install libportaudio2)" if sys.platform == "linux" else ""
            return OutputDevice(silence_reason=f"the PortAudio library is missing{hint}")
        except Exception as exc:  # noqa: BLE001 - PortAudio's own class is in the module that failed to load
            return OutputDevice(silence_reason=f"PortAudio does not start: {_reason(exc)}")
        try:
            device = sounddevice.query_devices(kind="output")
        except (sounddevice.PortAudioError, ValueError):
            return OutputDevice(silence_reason="no audio device")
    return OutputDevice(sounddevice, str(device["name"]))


class DeviceLoudspeaker:
    """The default output of the machine."""

    def __init__(self, sounddevice: Any, sample_rate: int, fill: Fill) -> None:
        """Open and start the device, at its own rate if it does not take `sample_rate`.

        Raises:
            LoudspeakerError: it cannot be opened.
        """
        self._fill = fill
        self._stream: Any = None
        self._error = sounddevice.PortAudioError
        try:
            with quiet_stderr():
                self.sample_rate, self._stream = self._open(sounddevice, sample_rate)
                self._stream.start()
        except (self._error, ValueError, OSError) as exc:
            self.close()
            raise LoudspeakerError(_reason(exc)) from exc

    @property
    def is_alive(self) -> bool:
        """False once the device has gone."""
        try:
            return bool(self._stream.active)
        except self._error:
            return False

    def close(self) -> None:
        """Close it at once; the samples that the device still holds are dropped."""
        stream, self._stream = self._stream, None
        if stream is None:
            return
        with quiet_stderr():
            for end in (stream.abort, stream.close):
                with suppress(self._error):  # a device that was unplugged raises, and is closed
                    end()

    def _open(self, sounddevice: Any, sample_rate: int) -> tuple[int, Any]:
        """A stream at the wanted rate in Hz, else at the device's own; stereo where mono is refused."""
        own_rate = round(sounddevice.query_devices(kind="output")["default_samplerate"])
        for rate, channels in ((sample_rate, 1), (sample_rate, 2), (own_rate, 1)):
            with suppress(self._error):
                return rate, self._new_stream(sounddevice, rate, channels)
        return own_rate, self._new_stream(sounddevice, own_rate, 2)

    def _new_stream(self, sounddevice: Any, rate: int, channels: int) -> Any:
        return sounddevice.OutputStream(
            samplerate=rate,
            channels=channels,
            dtype="float32",
            blocksize=round(rate * BLOCK_SECONDS),
            latency="high",  # robust on a busy machine; the position is known by the clock
            callback=self._callback,
        )

    def _callback(self, out: Any, frames: int, times: Any, status: object) -> None:
        del frames, status
        delay = times.outputBufferDacTime - times.currentTime
        self._fill(out[:, 0], max(0.0, delay) if delay < 2.0 else 0.0)
        out[:, 1:] = out[:, :1]


class SilentLoudspeaker:
    """Takes samples at the pace of the clock, without sound."""

    def __init__(self, sample_rate: int, fill: Fill) -> None:
        self.sample_rate = sample_rate
        self.is_alive = True
        self._fill = fill
        self._thread = threading.Thread(target=self._run, name="silent loudspeaker", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop, and wait for the call that is under way."""
        self.is_alive = False
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        block = np.zeros(round(self.sample_rate * BLOCK_SECONDS), np.float32)
        due = time.monotonic()
        while self.is_alive:
            self._fill(block, 0.0)
            due = max(due + BLOCK_SECONDS, time.monotonic() - 0.5)  # a suspended machine does not catch up
            time.sleep(max(0.0, due - time.monotonic()))


def _reason(exc: Exception) -> str:
    """The message of an error, on one line."""
    return " ".join(str(exc).split()) or type(exc).__name__
