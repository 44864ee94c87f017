"""What every engine must do, as tests: derive a class, say how to make the engine, run pytest.

    from tts_hub.testing.contract import BackendContract

    class TestMyEngine(BackendContract):
        def make_backend(self) -> TTSBackend:
            return MyBackend()

Needs pytest with anyio's plugin, which comes with anyio.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager

import anyio
import numpy as np
import pytest

from tts_hub.backend import TTSBackend, model_names
from tts_hub.errors import UnknownVoiceError
from tts_hub.progress import ProgressEvent
from tts_hub.types import AudioChunk, Availability, SegmentRequest, Voice

HEAVY = ("torch", "onnxruntime", "transformers", "av", "scipy")


class BackendContract:
    """Derive, and override `make_backend`; the other attributes when the engine needs it."""

    pytestmark = pytest.mark.anyio

    text = "The quick brown fox jumps over the lazy dog. It was not amused."
    long_text = "Some sentences take longer to say than others, and this one is here to be cut off. " * 6
    close_within = 1.0
    """Seconds in which a closed stream must have let go."""

    def make_backend(self) -> TTSBackend:
        """A new engine, not loaded."""
        raise NotImplementedError

    @pytest.fixture
    def anyio_backend(self) -> str:
        """The event loop that the tests run on."""
        return "asyncio"

    def test_declares_itself(self) -> None:
        """Names are lower case, availability is an answer and not an exception."""
        backend = self.make_backend()
        assert backend.name == backend.name.lower()
        assert backend.name.strip()
        assert all(model_names(type(backend)))
        assert isinstance(type(backend).availability(backend.settings), Availability)
        assert backend.capabilities.concurrency >= 1
        low, high = backend.capabilities.speed_range
        assert 0 < low <= 1 <= high

    def test_imports_cheaply(self) -> None:
        """Importing the plugin pulls in nothing heavy."""
        module = type(self.make_backend()).__module__
        code = f"import sys, {module}; print([m for m in {HEAVY!r} if m in sys.modules])"
        environ = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
        ran = subprocess.run(
            [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True
        )
        assert ran.stdout.strip() == "[]"

    async def test_loads_twice_and_again_after_closing(self) -> None:
        """`load` is idempotent, and `aclose` is not the end."""
        backend = self.make_backend()
        await backend.load()
        await backend.load()
        await backend.aclose()
        await backend.load()
        try:
            assert await backend.voices()
        finally:
            await backend.aclose()

    async def test_voices_are_found_by_their_id(self) -> None:
        """Ids are unique, every one resolves to itself, a wrong one is told."""
        async with self._loaded() as backend:
            voices = await backend.voices()
            assert len({v.id for v in voices}) == len(voices)
            for voice in voices[:20]:
                assert (await backend.find_voice(voice.id, None)).id == voice.id
            assert (await backend.find_voice(None, None)).id
            with pytest.raises(UnknownVoiceError):
                await backend.find_voice("no such voice, surely", None)

    async def test_speaks(self) -> None:
        """Mono float32 in range, one rate, audible, and words that are really in the text."""
        async with self._loaded() as backend:
            chunks = await self._speak(backend, self.text)
        samples = np.concatenate([chunk.samples for chunk in chunks])
        assert {chunk.sample_rate for chunk in chunks} == {chunks[0].sample_rate}
        assert all(chunk.samples.dtype == np.float32 and chunk.samples.ndim == 1 for chunk in chunks)
        assert np.isfinite(samples).all()
        assert 1e-3 < np.abs(samples).max() <= 1.0
        assert 1.0 < len(samples) / chunks[0].sample_rate < 30.0
        if backend.capabilities.word_timings:
            self._check_words(chunks, len(samples) / chunks[0].sample_rate)

    async def test_streams_if_it_says_so(self) -> None:
        """An engine that declares streaming gives audio of a long segment in many pieces."""
        async with self._loaded() as backend:
            chunks = await self._speak(backend, self.long_text)
            if backend.capabilities.streaming:
                assert len(chunks) > 3

    async def test_speed_is_native_where_declared(self) -> None:
        """At the upper end of its range the engine really is faster."""
        async with self._loaded() as backend:
            low, high = backend.capabilities.speed_range
            if high == low:
                pytest.skip("the engine leaves speed to the hub")
            usual = await self._speak(backend, self.text)
            faster = await self._speak(backend, self.text, speed=min(high, 2.0))
        ratio = sum(c.seconds for c in faster) / sum(c.seconds for c in usual)
        assert ratio == pytest.approx(1 / min(high, 2.0), rel=0.25)

    async def test_closing_stops_it(self) -> None:
        """A stream closed after its first chunk lets go in time, and the engine speaks again."""
        async with self._loaded() as backend:
            for _ in range(backend.capabilities.concurrency + 1):
                stream = backend.generate_stream(await self._request(backend, self.long_text))
                await anext(stream)
                with anyio.fail_after(self.close_within):
                    await stream.aclose()
            assert await self._speak(backend, self.text)

    async def test_cancelling_stops_it(self) -> None:
        """A cancelled task ends in time, and the engine speaks again."""
        async with self._loaded() as backend:
            async with anyio.create_task_group() as tasks:
                for _ in range(backend.capabilities.concurrency):
                    tasks.start_soon(self._speak, backend, self.long_text)
                await anyio.sleep(0.01)
                began = anyio.current_time()
                tasks.cancel_scope.cancel()
            assert anyio.current_time() - began < self.close_within
            assert await self._speak(backend, self.text)

    async def test_two_voices_at_once_do_not_mix(self) -> None:
        """Spoken side by side, each voice takes as long as it does alone."""
        async with self._loaded() as backend:
            voices = await self._different_voices(backend)
            if len(voices) < 2:
                pytest.skip("the engine has one voice")
            alone = [self._seconds(await self._speak(backend, self.text, voice=v)) for v in voices]
            together: dict[str, float] = {}

            async def speak(voice: Voice) -> None:
                together[voice.id] = self._seconds(await self._speak(backend, self.text, voice=voice))

            async with anyio.create_task_group() as tasks:
                for voice in voices:
                    tasks.start_soon(speak, voice)
        assert [together[v.id] for v in voices] == pytest.approx(alone, rel=0.05)

    async def test_progress_is_its_own(self) -> None:
        """What is reported during a request is a `ProgressEvent`, and only goes to that request."""
        async with self._loaded() as backend:
            events: list[ProgressEvent] = []
            request = await self._request(backend, self.text)
            _ = [chunk async for chunk in backend.generate_stream(request, events.append)]
            seen = len(events)
            await self._speak(backend, self.text)
        assert len(events) == seen
        assert all(isinstance(event, ProgressEvent) for event in events)

    @asynccontextmanager
    async def _loaded(self) -> AsyncGenerator[TTSBackend, None]:
        backend = self.make_backend()
        await backend.load()
        try:
            yield backend
        finally:
            await backend.aclose()

    async def _request(
        self, backend: TTSBackend, text: str, voice: Voice | None = None, speed: float = 1.0
    ) -> SegmentRequest:
        return SegmentRequest(
            text=text,
            voice=voice or await backend.find_voice(None, None),
            model=model_names(type(backend))[0],
            speed=speed,
            options=backend.Options().model_dump(),
        )

    async def _speak(
        self, backend: TTSBackend, text: str, voice: Voice | None = None, speed: float = 1.0
    ) -> list[AudioChunk]:
        request = await self._request(backend, text, voice, speed)
        return [chunk async for chunk in backend.generate_stream(request)]

    async def _different_voices(self, backend: TTSBackend) -> list[Voice]:
        default = await backend.find_voice(None, None)
        others = (v for v in await backend.voices() if v.id != default.id)
        return [default, *itertools.islice(others, 1)]

    def _seconds(self, chunks: Iterable[AudioChunk]) -> float:
        return sum(chunk.seconds for chunk in chunks)

    def _check_words(self, chunks: Iterable[AudioChunk], seconds: float) -> None:
        words = [word for chunk in chunks for word in chunk.words]
        assert [w.text for w in words] == [self.text[slice(*w.span)] for w in words]
        assert len(words) >= 0.8 * len(self.text.split())
        assert all(a.span[1] <= b.span[0] and a.end <= b.start + 1e-6 for a, b in itertools.pairwise(words))
        assert all(0 <= w.start <= w.end <= seconds + 0.05 for w in words)
