"""Engines that break one rule of the contract each."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

import anyio
import numpy as np

from tts_hub.backend import BackendSettings
from tts_hub.errors import BackendUnavailableError, GenerationError
from tts_hub.progress import ProgressCallback, ProgressEvent, ignore
from tts_hub.testing import FakeBackend, FakeScript
from tts_hub.types import AudioChunk, Capabilities, SegmentRequest, Usage, Voice

ALL = Capabilities(word_timings=True, concurrency=2, speed_range=(0.5, 2.0))


class Altered(FakeBackend):
    """An engine that passes every chunk through `alter`."""

    def __init__(self, script: FakeScript | None = None) -> None:
        super().__init__(script=script, capabilities=ALL)

    def alter(self, chunk: AudioChunk, request: SegmentRequest) -> AudioChunk:
        return chunk

    async def generate_stream(
        self, request: SegmentRequest, on_progress: ProgressCallback = ignore
    ) -> AsyncGenerator[AudioChunk, None]:
        async with aclosing(super().generate_stream(request)) as chunks:
            async for chunk in chunks:
                yield self.alter(chunk, request)


class DoublePrecision(Altered):
    def alter(self, chunk: AudioChunk, request: SegmentRequest) -> AudioChunk:
        samples: Any = chunk.samples.astype(np.float64)
        return dataclasses.replace(chunk, samples=samples)


class Stereo(Altered):
    def alter(self, chunk: AudioChunk, request: SegmentRequest) -> AudioChunk:
        return dataclasses.replace(chunk, samples=np.stack([chunk.samples, chunk.samples]))


class TooLoud(Altered):
    def alter(self, chunk: AudioChunk, request: SegmentRequest) -> AudioChunk:
        return dataclasses.replace(chunk, samples=chunk.samples * np.float32(16))


class NotANumber(Altered):
    def alter(self, chunk: AudioChunk, request: SegmentRequest) -> AudioChunk:
        return dataclasses.replace(chunk, samples=chunk.samples * np.float32(np.nan))


class ChangingRate(Altered):
    def alter(self, chunk: AudioChunk, request: SegmentRequest) -> AudioChunk:
        return dataclasses.replace(chunk, sample_rate=16_000 if chunk.words else 24_000)


class WrongSpans(Altered):
    def alter(self, chunk: AudioChunk, request: SegmentRequest) -> AudioChunk:
        words = (dataclasses.replace(w, span=(w.span[0] + 1, w.span[1] + 1)) for w in chunk.words)
        return dataclasses.replace(chunk, words=tuple(words))


class LateWords(Altered):
    def alter(self, chunk: AudioChunk, request: SegmentRequest) -> AudioChunk:
        words = (dataclasses.replace(w, start=w.start + 2, end=w.end + 2) for w in chunk.words)
        return dataclasses.replace(chunk, words=tuple(words))


class FewWords(Altered):
    def alter(self, chunk: AudioChunk, request: SegmentRequest) -> AudioChunk:
        return dataclasses.replace(chunk, words=chunk.words if request.text.startswith("Some") else ())


class BadEnding(Altered):
    def alter(self, chunk: AudioChunk, request: SegmentRequest) -> AudioChunk:
        reason: Any = "banana"
        return dataclasses.replace(chunk, finish_reason=reason)


class BadCount(Altered):
    def alter(self, chunk: AudioChunk, request: SegmentRequest) -> AudioChunk:
        return dataclasses.replace(chunk, usage=Usage(characters=-1))


class SaysNothing(FakeBackend):
    @classmethod
    def availability(cls, settings: BackendSettings) -> Any:
        return None


class Exits(FakeBackend):
    @classmethod
    def availability(cls, settings: BackendSettings) -> Any:
        sys.exit(3)


class CannotClose(FakeBackend):
    async def aclose(self) -> None:
        raise GenerationError("stuck", backend=self.name)


class ExitsWhenClosed(FakeBackend):
    async def aclose(self) -> None:
        sys.exit(3)


class NoVoiceAtAll(FakeBackend):
    async def voices(self) -> Any:
        voice = (await super().voices())[0]
        return [voice, Namesake("other")]


@dataclasses.dataclass(frozen=True)
class Namesake:
    """Something that has an id like a voice."""

    id: str


class IgnoresSpeed(Altered):
    async def generate_stream(
        self, request: SegmentRequest, on_progress: ProgressCallback = ignore
    ) -> AsyncGenerator[AudioChunk, None]:
        plain = dataclasses.replace(request, speed=1.0)
        async with aclosing(super().generate_stream(plain)) as chunks:
            async for chunk in chunks:
                yield chunk


class MixesVoices(FakeBackend):
    """An engine that keeps the voice in itself instead of in the request."""

    def __init__(self) -> None:
        super().__init__(capabilities=ALL)
        self._voice: Voice | None = None

    async def generate_stream(
        self, request: SegmentRequest, on_progress: ProgressCallback = ignore
    ) -> AsyncGenerator[AudioChunk, None]:
        self._voice = request.voice
        await anyio.sleep(0.01)
        async with aclosing(
            super().generate_stream(dataclasses.replace(request, voice=self._voice))
        ) as chunks:
            async for chunk in chunks:
                yield chunk


class NeverStops(FakeBackend):
    """An engine that continues its work when its stream is closed."""

    async def generate_stream(
        self, request: SegmentRequest, on_progress: ProgressCallback = ignore
    ) -> AsyncGenerator[AudioChunk, None]:
        try:
            async with aclosing(super().generate_stream(request)) as chunks:
                async for chunk in chunks:
                    yield chunk
        except GeneratorExit:
            await anyio.sleep_forever()


class BlocksTheLoop(FakeBackend):
    """An engine that works in the event loop, where nothing can stop it."""

    async def generate_stream(
        self, request: SegmentRequest, on_progress: ProgressCallback = ignore
    ) -> AsyncGenerator[AudioChunk, None]:
        await anyio.lowlevel.checkpoint()
        time.sleep(1.4)  # noqa: ASYNC251 - the very fault
        async with aclosing(super().generate_stream(request)) as chunks:
            async for chunk in chunks:
                yield chunk


class FinishesFirst(FakeBackend):
    """An engine that cannot be cancelled."""

    async def generate_stream(
        self, request: SegmentRequest, on_progress: ProgressCallback = ignore
    ) -> AsyncGenerator[AudioChunk, None]:
        with anyio.CancelScope(shield=True):
            await anyio.sleep(1.4)
        async with aclosing(super().generate_stream(request)) as chunks:
            async for chunk in chunks:
                yield chunk


class LosesItsPlaces(FakeBackend):
    """An engine that keeps a slot when a stream ends early."""

    def __init__(self) -> None:
        super().__init__(capabilities=ALL)
        self._places = anyio.Semaphore(2)

    async def generate_stream(
        self, request: SegmentRequest, on_progress: ProgressCallback = ignore
    ) -> AsyncGenerator[AudioChunk, None]:
        await self._places.acquire()
        async with aclosing(super().generate_stream(request)) as chunks:
            async for chunk in chunks:
                yield chunk
        self._places.release()


class DiesWhenClosed(FakeBackend):
    async def load(self, on_progress: ProgressCallback = ignore) -> None:
        if not self.closes:
            await super().load(on_progress)


class NoVoices(FakeBackend):
    async def voices(self) -> Sequence[Voice]:
        return []


class ListsItsVoicesOnceLoaded(FakeBackend):
    async def voices(self) -> Sequence[Voice]:
        if not self.loads:
            raise BackendUnavailableError("not loaded yet", backend=self.name)
        return await super().voices()


class LoadsToListItsVoices(FakeBackend):
    async def voices(self) -> Sequence[Voice]:
        await self.load()
        return await super().voices()


class ThinksAboutItsVoices(FakeBackend):
    async def voices(self) -> Sequence[Voice]:
        await anyio.sleep_forever()
        return await super().voices()


class FindsVoicesWhenLoaded(FakeBackend):
    async def voices(self) -> Sequence[Voice]:
        voices = await super().voices()
        return voices if self.loads else voices[:1]


class TwinVoices(FakeBackend):
    async def voices(self) -> Sequence[Voice]:
        return [*(await super().voices()), Voice("low", "The other low one", "en-US")]


class AnyVoiceWillDo(FakeBackend):
    async def find_voice(self, voice: str | None, language: str | None) -> Voice:
        known = {v.id: v for v in await self.voices()}
        return known.get(voice or "low", known["low"])


class AlwaysTheSameVoice(FakeBackend):
    async def find_voice(self, voice: str | None, language: str | None) -> Voice:
        return (await self.voices())[0]


class ReportsToEveryCallback(FakeBackend):
    """An engine that reports to the callbacks of all earlier requests too."""

    def __init__(self) -> None:
        super().__init__(capabilities=ALL)
        self._callbacks: list[ProgressCallback] = []

    async def generate_stream(
        self, request: SegmentRequest, on_progress: ProgressCallback = ignore
    ) -> AsyncGenerator[AudioChunk, None]:
        self._callbacks.append(on_progress)
        for callback in self._callbacks:
            callback(ProgressEvent("segment", backend=self.name))
        async with aclosing(super().generate_stream(request)) as chunks:
            async for chunk in chunks:
                yield chunk


class ReportsText(FakeBackend):
    async def generate_stream(
        self, request: SegmentRequest, on_progress: ProgressCallback = ignore
    ) -> AsyncGenerator[AudioChunk, None]:
        report: Any = on_progress
        report("half way")
        async with aclosing(super().generate_stream(request)) as chunks:
            async for chunk in chunks:
                yield chunk


def capable(**changes: Any) -> FakeBackend:
    return FakeBackend(capabilities=dataclasses.replace(ALL, **changes))


def scripted(**script: Any) -> FakeBackend:
    return FakeBackend(script=FakeScript(**script), capabilities=ALL)
