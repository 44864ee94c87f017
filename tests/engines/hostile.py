"""Engines that raise, hang, exit or lie, and a hub that has a good engine beside them."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from types import MethodType
from typing import Any

import anyio
import numpy as np
from anyio.lowlevel import checkpoint

from tts_hub import AudioChunk, Capabilities, SegmentRequest, TTSBackend, TTSBackendManager, WordTiming
from tts_hub.config import parse_config
from tts_hub.progress import ProgressCallback, ignore
from tts_hub.testing import FakeBackend
from tts_hub.threads import iterate_in_thread

RATE = 24_000
EXITS = [SystemExit, KeyboardInterrupt, GeneratorExit, asyncio.CancelledError, StopAsyncIteration]


class Unspeakable(Exception):
    """An exception whose text cannot be read either."""

    def __str__(self) -> str:
        raise SystemExit(3)


class BadBackend(FakeBackend):
    """The engine `bad`, with methods or attributes that a test replaces."""

    def __init__(self, **replaced: Any) -> None:
        super().__init__(name="bad", capabilities=Capabilities(word_timings=True), priority=5)
        for name, value in replaced.items():
            mine: Any = self
            setattr(mine, name, MethodType(value, self) if inspect.isfunction(value) else value)


def giving(*chunks: Any) -> BadBackend:
    """An engine that yields these chunks for every segment."""

    async def generate_stream(
        self: TTSBackend, request: SegmentRequest, on_progress: ProgressCallback = ignore
    ) -> AsyncGenerator[AudioChunk, None]:
        for chunk in chunks:
            yield chunk

    return BadBackend(generate_stream=generate_stream)


@asynccontextmanager
async def hub(*engines: TTSBackend, **settings: Any) -> AsyncGenerator[TTSBackendManager, None]:
    """A manager with these engines and an engine `good`, which still has to speak at the end."""
    config = parse_config({"audio": {"loudness": "off", "trim_silence": False}} | settings)
    manager = TTSBackendManager(config, discover=False)
    for engine in (*engines, FakeBackend(name="good", priority=1)):
        manager.register(engine)
    async with manager:
        yield manager
        assert manager.is_serving
        assert await speak(manager, "good") == "good"


async def speak(manager: TTSBackendManager, model: str = "bad", **fields: Any) -> str:
    """Speak a short text and return the name of the engine that spoke it."""
    async with await manager.generate("Hello there.", model=model, **fields) as audio:
        async for _ in audio:
            pass
    return audio.report.backend


def tone(seconds: float = 1.0) -> np.ndarray[Any, np.dtype[np.float32]]:
    return (0.3 * np.sin(np.arange(round(seconds * RATE)) / 20)).astype(np.float32)


def raising(error: type[BaseException]) -> Callable[..., Any]:
    def raises(self: TTSBackend, *args: Any, **kwargs: Any) -> Any:
        raise error

    return raises


def raising_later(error: type[BaseException]) -> Callable[..., Any]:
    async def raises(self: TTSBackend, *args: Any, **kwargs: Any) -> Any:
        await checkpoint()
        raise error

    return raises


def raising_in_a_thread(error: type[BaseException]) -> Callable[..., Any]:
    def generate_stream(
        self: TTSBackend, request: SegmentRequest, on_progress: ProgressCallback = ignore
    ) -> AsyncGenerator[AudioChunk, None]:
        def work() -> Sequence[AudioChunk]:
            raise error

        return iterate_in_thread(work)

    return generate_stream


def raising_in_another_thread(error: type[BaseException]) -> Callable[..., Any]:
    async def load(self: TTSBackend, on_progress: ProgressCallback = ignore) -> None:
        def work() -> None:
            raise error

        await anyio.to_thread.run_sync(work)

    return load


def generating_nothing_but(error: type[BaseException]) -> Callable[..., Any]:
    async def generate_stream(
        self: TTSBackend, request: SegmentRequest, on_progress: ProgressCallback = ignore
    ) -> AsyncGenerator[AudioChunk, None]:
        yield AudioChunk(tone(), RATE)
        raise error

    return generate_stream


async def close_raising(self: TTSBackend) -> None:
    raise RuntimeError("cannot close")


async def close_exiting(self: TTSBackend) -> None:
    raise SystemExit(1)


async def close_hanging(self: TTSBackend) -> None:
    await anyio.sleep_forever()


async def close_ignoring_its_cancellation(self: Any) -> None:
    while not self.released.is_set():
        with suppress(asyncio.CancelledError):
            await self.released.wait()


def word(text: str, start: Any, end: Any, begin: int) -> WordTiming:
    return WordTiming(text, start, end, (begin, begin + len(text)))


HELLO, THERE = word("Hello", 0.0, 0.4, 0), word("there", 0.5, 0.9, 6)
CHUNK = AudioChunk(tone(), RATE, (HELLO, THERE), finish_reason="stop")


def odd(**fields: Any) -> AudioChunk:
    """A chunk that is valid except for these fields."""
    return replace(CHUNK, **fields)
