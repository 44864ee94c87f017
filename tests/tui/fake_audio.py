"""A sound card for tests: the module `sounddevice` as far as it is used; it keeps every sample."""

from __future__ import annotations

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
        """Hz that it takes; empty: any."""
        self.latency = latency
        self.has_device = True
        self.refuses = False
        self.streams: list[FakeStream] = []
        self.by_hand = False
        """A test calls `FakeStream.step` itself."""

    def query_devices(self, kind: str) -> dict[str, Any]:
        if not self.has_device:
            raise self.PortAudioError("Error querying device -1")
        return {"name": f"Fake {kind}", "default_samplerate": float(self.rates[0] if self.rates else 48_000)}

    def OutputStream(self, **shape: Any) -> FakeStream:
        if self.refuses or (self.rates and shape["samplerate"] not in self.rates):
            raise self.PortAudioError("Invalid sample rate")
        stream = FakeStream(self, **shape)
        self.streams.append(stream)
        return stream

    @property
    def heard(self) -> Samples:
        """All samples of all streams."""
        blocks = [block for stream in self.streams for block in stream.blocks]
        return np.concatenate(blocks) if blocks else np.zeros(0, np.float32)


class FakeStream:
    def __init__(
        self,
        device: FakeSoundDevice,
        *,
        samplerate: int,
        blocksize: int,
        callback: Callable[..., None],
        **_: Any,
    ) -> None:
        self.device = device
        self.samplerate = samplerate
        self.blocksize = blocksize
        self.blocks: list[Samples] = []
        self.active = False
        self.is_closed = False
        self._callback = callback
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self.active = True
        if not self.device.by_hand:
            self._thread.start()

    def step(self) -> Samples:
        """One block."""
        out = np.full((self.blocksize, 1), np.nan, np.float32)
        now = time.monotonic()
        self._callback(out, self.blocksize, Times(now, now + self.device.latency), None)
        block = out[:, 0].copy()
        self.blocks.append(block)
        return block

    def vanish(self) -> None:
        """Somebody pulls the plug."""
        self.active = False

    def abort(self) -> None:
        self.active = False
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join()

    def close(self) -> None:
        self.is_closed = True

    def _run(self) -> None:
        while self.active:
            self.step()
            time.sleep(self.blocksize / self.samplerate / self.device.hurry)
