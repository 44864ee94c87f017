"""A manager with scripted engines, and what tests do with its speech."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np

from tts_hub import TTSBackendManager
from tts_hub.config import parse_config
from tts_hub.request.stream import AudioStream
from tts_hub.testing import FakeBackend

THREE = "The first sentence is here. The second sentence follows it. The third one ends it."


@asynccontextmanager
async def hub(*backends: FakeBackend, **settings: Any) -> AsyncGenerator[TTSBackendManager, None]:
    """A manager with these engines alone; `settings` are sections of the config."""
    config = parse_config({"audio": {"loudness": "off"}} | settings)
    manager = TTSBackendManager(config, discover=False)
    for backend in backends:
        manager.register(backend)
    async with manager:
        yield manager


async def drain(audio: AudioStream) -> np.ndarray:
    """All samples of a stream, which is closed then; shape (T,)."""
    async with audio:
        chunks = [chunk.samples async for chunk in audio]
    return np.concatenate(chunks)


async def say(manager: TTSBackendManager) -> None:
    await drain(await manager.generate("Hello.", model="fake"))


def pitch(samples: np.ndarray, rate: int = 24_000) -> float:
    """The strongest frequency in Hz."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * rate / len(samples))


def free(backend: FakeBackend, manager: TTSBackendManager) -> bool:
    """Whether no request uses the engine or waits for it."""
    (status,) = (s for s in manager.status() if s.name == backend.name)
    return backend.active == 0 and status.active == 0 and status.waiting == 0
