"""A sound card for tests: the parts of the module `sounddevice` that are used. It keeps every sample."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from tts_hub.types import Samples


@dataclass(frozen=True, slots=True)
class Times:
    currentTime: float
    outputBufferDacTime: float


class FakeSoundDevice(ModuleType):
    """Its streams call back from a thread, `hurry` times as fast as a real one would."""

    class PortAudioError(Exception):
        pass

    def __init__(self, *, hurry: float = 20.0, rates: tuple[int, ...] = (), latency: float = 0.0) -> None:
        super().__init__("sounddevice")
        self.hurry = hurry
        self.rates = rates
        """The sample rates that it takes, in Hz; any if empty."""
        self.latency = latency
        self.has_device = True
        self.refuses = False
        self.starts = True
        self.channels: tuple[int, ...] = (1, 2)
        """The numbers of channels that it takes."""
        self.streams: list[FakeStream] = []
        self.by_hand = False
        """Whether the test calls `FakeStream.step` instead of a thread."""

    def query_devices(self, kind: str) -> dict[str, Any]:
        os.write(2, b"ALSA lib: nothing of interest\n")
        if not self.has_device:
            raise self.PortAudioError("Error querying device -1")
        return {"name": f"Fake {kind}", "default_samplerate": float(self.rates[0] if self.rates else 48_000)}

    def OutputStream(self, **shape: Any) -> FakeStream:
        os.write(2, b"ALSA lib: still nothing\n")
        if shape["channels"] not in self.channels:
            raise self.PortAudioError("Invalid number of channels")
        if self.refuses or (self.rates and shape["samplerate"] not in self.rates):
            raise self.PortAudioError("Invalid sample rate")
        stream = FakeStream(self, **shape)
        self.streams.append(stream)
        return stream

    @property
    def played(self) -> Samples:
        """The samples of all streams, shape (T,)."""
        blocks = [block for stream in self.streams for block in stream.blocks]
        return np.concatenate(blocks) if blocks else np.zeros(0, np.float32)


class FakeStream:
    def __init__(
        self,
        device: FakeSoundDevice,
        *,
        samplerate: int,
        blocksize: int,
        channels: int,
        callback: Callable[..., None],
        **_: Any,
    ) -> None:
        self.device = device
        self.samplerate = samplerate
        self.blocksize = blocksize
        self.blocks: list[Samples] = []
        self.channels = channels
        self.is_closed = False
        self._is_active = False
        self._has_gone = False
        self._callback = callback
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def active(self) -> bool:
        if self._has_gone:
            raise self.device.PortAudioError("Invalid stream pointer")
        return self._is_active

    def start(self) -> None:
        if not self.device.starts:
            raise self.device.PortAudioError("Device unavailable")
        self._is_active = True
        if not self.device.by_hand:
            self._thread.start()

    def step(self) -> Samples:
        """Call back for one block, shape (T,)."""
        out = np.full((self.blocksize, self.channels), np.nan, np.float32)
        now = time.monotonic()
        self._callback(out, self.blocksize, Times(now, now + self.device.latency), None)
        assert (out == out[:, :1]).all(), "the channels differ, or were not written"
        block = out[:, 0].copy()
        self.blocks.append(block)
        return block

    def vanish(self, *, noisily: bool = False) -> None:
        """Unplug the device; `noisily`: the stream's properties and methods raise from now on."""
        self._is_active, self._has_gone = False, noisily

    def abort(self) -> None:
        self._is_active = False
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join()
        if self._has_gone:
            raise self.device.PortAudioError("Invalid stream pointer")

    def close(self) -> None:
        self.is_closed = True

    def _run(self) -> None:
        while self._is_active:
            self.step()
            time.sleep(self.blocksize / self.samplerate / self.device.hurry)
