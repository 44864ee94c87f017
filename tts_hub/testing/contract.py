"""The contract of every engine, as tests: derive a class, say how to make the engine, run pytest.

    from tts_hub.testing.contract import BackendContract

    class TestMyEngine(BackendContract):
        def make_backend(self) -> TTSBackend:
            return MyBackend()

It needs pytest with anyio's plugin, which comes with anyio. A failure says in words what the engine did.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager
from typing import Any

import anyio
import numpy as np
import pytest
from numpy.typing import NDArray

from tts_hub.audio.limits import HEADROOM, SPEECH_RATES
from tts_hub.backend import TTSBackend, model_names, speaks
from tts_hub.containment import described, is_from_a_signal
from tts_hub.engines.declaration import (
    checked_availability,
    checked_capabilities,
    checked_class,
    checked_downloads,
    checked_price,
    checked_voices,
)
from tts_hub.engines.inspection import Inspection
from tts_hub.engines.loading import CLOSE_SECONDS
from tts_hub.errors import TTSHubError, UnknownVoiceError
from tts_hub.progress import ProgressCallback, ProgressEvent, ignore
from tts_hub.testing.timbre import distance, timbre_of
from tts_hub.types import AudioChunk, SegmentRequest, Voice

HEAVY = ("torch", "tensorflow", "jax", "onnxruntime", "transformers", "librosa", "av", "scipy")
BORROWED = 0.35
"""Part of the distance between two voices that one may move towards the other and still be itself."""


class BackendContract:
    """The tests of an engine. Override `make_backend`, and the other attributes where the engine needs it."""

    pytestmark = pytest.mark.anyio

    text = "The quick brown fox jumps over the lazy dog. It was not amused."
    """A text of two to twenty seconds, in a language that the default voice speaks."""
    long_text = "Some sentences take longer to say than others, and this one is here to be cut off. " * 6
    answer_within = 120.0
    """Seconds that speaking any of these texts may take; a slow engine raises it."""
    voices_within = 10.0
    """Seconds that an engine that is not loaded has to list its voices."""
    cancel_after = 0.01
    """Seconds after which a test cancels: then the engine is still at work on `long_text`."""
    close_within = 10.0
    """Seconds that a closed or cancelled stream has to end."""
    two_voices: tuple[str, str] | None = None
    """Ids of two voices that sound different; None: the default one and the first other one."""

    def make_backend(self) -> TTSBackend:
        """A new engine, not loaded."""
        raise NotImplementedError

    @pytest.fixture
    def anyio_backend(self) -> str:
        """The name of the event loop that the tests run on."""
        return "asyncio"

    def test_declares_itself(self) -> None:
        """Names are lower case, and availability is an answer, not an exception."""
        backend = self.make_backend()
        assert backend.name.strip() == backend.name == backend.name.lower() != "", (
            f"the name {backend.name!r} is not lower case, is empty, or has white space around it"
        )
        assert all(model_names(type(backend))), f"an empty model name: {model_names(type(backend))}"
        with _in_order("declaring itself"):
            checked_class(backend, backend.name)
            checked_availability(type(backend).availability(backend.settings), backend.name)
            checked_downloads(type(backend).downloads(backend.settings), backend.name)
            for model in model_names(type(backend)):
                checked_capabilities(backend.capabilities_for(model), backend.name)
                checked_price(backend.price(model), backend.name)
        fetched = {files.model for files in type(backend).downloads(backend.settings)}
        assert fetched <= set(model_names(type(backend))), (
            f"downloads() names models that it does not answer to: {fetched}"
        )

    def test_imports_cheaply(self) -> None:
        """Importing the plugin imports no heavy library."""
        module = type(self.make_backend()).__module__
        code = f"import sys, {module}; print(*(m for m in {HEAVY!r} if m in sys.modules))"
        environ = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
        ran = subprocess.run(
            [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, f"importing {module} in a new process failed:\n{ran.stderr}"
        heavy = ran.stdout.split()
        assert not heavy, f"importing {module} imports {', '.join(heavy)}; do that in load()"

    async def test_loads_twice_and_again_after_closing(self) -> None:
        """`load` can be called twice, and again after `aclose`."""
        backend = self.make_backend()
        try:
            await backend.load()
            await backend.load()
            await backend.aclose()
            await backend.load()
            assert await self._speak(backend, self.text), "no audio after load(), aclose(), load()"
        finally:
            await backend.aclose()

    async def test_closes(self) -> None:
        """It closes in time and without an error: loaded or not, once or twice, and after it has spoken."""
        backend = self.make_backend()
        for loads in (False, True):
            if loads:
                await backend.load()
                await self._speak(backend, self.text.split()[-1])
            for _ in range(2):
                with _limit(CLOSE_SECONDS, "closing"):
                    await backend.aclose()

    async def test_lists_its_voices_without_being_loaded(self) -> None:
        """Before `load` it lists, quickly and without heavy imports, the same voices as after it."""
        backend = self.make_backend()
        present = set(sys.modules)
        loaded = False

        async def load(on_progress: ProgressCallback = ignore) -> None:
            nonlocal loaded
            loaded = True
            await type(backend).load(backend, on_progress)

        watched: Any = backend
        watched.load = load
        try:
            with _limit(self.voices_within, "listing its voices"):
                before = [voice.id for voice in await backend.voices()]
                assert before, "it has no voices before load()"
                await backend.find_voice(None, None)
            assert not loaded, "it loads itself to list its voices"
            heavy = sorted({*HEAVY} & (set(sys.modules) - present))
            assert not heavy, f"listing its voices imports {', '.join(heavy)}"
            await backend.load()
            after = [voice.id for voice in await backend.voices()]
            assert before == after, f"other voices before load(), {before}, than after it, {after}"
        finally:
            await backend.aclose()

    async def test_voices_are_found_by_their_id(self) -> None:
        """Ids are unique, each one finds its own voice, and a wrong one is an error."""
        async with self._loaded_backend() as backend:
            voices = await backend.voices()
            ids = [voice.id for voice in voices]
            twice = sorted({name for name in ids if ids.count(name) > 1})
            assert ids, "it has no voices"
            assert not twice, f"voice ids that are not unique: {', '.join(twice)}"
            with _in_order("listing its voices"):
                checked_voices(voices, backend.name)
            for name in ids[:20]:
                found = await backend.find_voice(name, None)
                assert found.id == name, f"find_voice({name!r}) gave the voice {found.id!r}"
            default = await backend.find_voice(None, None)
            assert default.id, "the default voice has no id"
            same = await backend.find_voice(None, default.language or None)
            assert speaks(same, default.language), (
                f"the voice for {default.language!r} speaks {same.language!r}"
            )
            wrong = "no such voice, surely"
            try:
                found = await backend.find_voice(wrong, None)
            except UnknownVoiceError:
                return
            raise AssertionError(f"find_voice({wrong!r}) gave {found.id!r} instead of UnknownVoiceError")

    async def test_speaks(self) -> None:
        """Audio is mono float32 within `HEADROOM`, of one rate and audible; words are those of the text."""
        async with self._loaded_backend() as backend:
            chunks = await self._speak(backend, self.text)
        self._check_samples(chunks)
        seconds = _seconds(chunks)
        assert 1.0 < seconds < 30.0, f"{seconds:.2f} s of audio for {len(self.text)} characters"
        if backend.capabilities.word_timings:
            self._check_words(chunks, seconds)
        with _in_order("what the hub checks of the audio"):
            inspection = Inspection(self.text, backend.name)
            _ = [piece for chunk in chunks for piece in inspection.pieces(chunk)]
            inspection.finish()

    async def test_speaks_a_single_word(self) -> None:
        """The shortest text has audio too."""
        word = self.text.split()[-1]
        async with self._loaded_backend() as backend:
            self._check_samples(await self._speak(backend, word))

    async def test_streams_if_it_says_so(self) -> None:
        """An engine that declares streaming gives audio of a long segment in many pieces."""
        async with self._loaded_backend() as backend:
            if not backend.capabilities.streaming:
                pytest.skip("the engine does not stream within a segment")
            chunks = await self._speak(backend, self.long_text)
        assert len(chunks) > 3, (
            f"declares streaming, but gives {_seconds(chunks):.1f} s in {len(chunks)} pieces"
        )

    async def test_speed_is_native_where_declared(self) -> None:
        """At twice the speed (half, or the end of its range) the audio is shorter (longer) by that factor."""
        async with self._loaded_backend() as backend:
            low, high = backend.capabilities.speed_range
            speed = min(high, 2.0) if high > 1 else max(low, 0.5)
            if speed == 1:
                pytest.skip("the engine leaves speed to the hub")
            usual = _seconds(await self._speak(backend, self.text))
            changed = _seconds(await self._speak(backend, self.text, speed=speed))
        assert changed == pytest.approx(usual / speed, rel=0.25), (
            f"{usual:.2f} s at speed 1 became {changed:.2f} s at speed {speed:g}"
        )

    async def test_closing_stops_it(self) -> None:
        """A stream that is closed after its first chunk ends in time, and the engine speaks again."""
        async with self._loaded_backend() as backend:
            for _ in range(backend.capabilities.concurrency + 1):
                stream = backend.generate_stream(await self._request(backend, self.long_text))
                with _limit(self.answer_within, "the first audio after an earlier stream was closed"):
                    await anext(stream)
                with _limit(self.close_within, "closing a stream after its first chunk"):
                    await stream.aclose()
            assert await self._speak(backend, self.text), "no audio after streams were closed early"

    async def test_cancelling_stops_it(self) -> None:
        """A cancelled task ends in time, and the engine speaks again."""
        async with self._loaded_backend() as backend:
            began = anyio.current_time()
            async with anyio.create_task_group() as tasks:
                for _ in range(backend.capabilities.concurrency):
                    tasks.start_soon(self._speak, backend, self.long_text)
                await anyio.sleep(self.cancel_after)
                tasks.cancel_scope.cancel()
            took = anyio.current_time() - began - self.cancel_after  # with the time the loop was blocked
            assert took < self.close_within, f"a cancelled request took {took:.2f} s to end"
            assert await self._speak(backend, self.text), "no audio after requests were cancelled"

    async def test_two_voices_do_not_mix(self) -> None:
        """Two voices at once (in turn, if the engine takes one request at a time) sound as they do alone."""
        async with self._loaded_backend() as backend:
            voices = await self._two_voices(backend)
            alone = [[timbre_of(await self._speak(backend, self.text, v)) for v in voices] for _ in range(2)]
            together = await self._speak_together(backend, voices)
        apart = distance(alone[0][0], alone[0][1])
        own = max(distance(first, again) for first, again in zip(*alone, strict=True))
        if own >= BORROWED * apart:
            pytest.skip("its voices sound too much alike to tell; name others in `two_voices`")
        for voice, before, now in zip(voices, alone[0], together, strict=True):
            moved = distance(before, now) / apart
            assert moved < BORROWED + own / apart, (
                f"voice {voice.id!r} sounds different beside another one: {moved:.0%} of the way to it"
            )

    async def test_progress_is_its_own(self) -> None:
        """Each event during a request is a `ProgressEvent`, and only goes to that request."""
        async with self._loaded_backend() as backend:
            events: list[ProgressEvent] = []
            request = await self._request(backend, self.text)
            with _limit(self.answer_within, "speaking"):
                _ = [chunk async for chunk in backend.generate_stream(request, events.append)]
            seen = len(events)
            await self._speak(backend, self.text)
        assert len(events) == seen, "a request received the progress of a later one"
        strange = [event for event in events if not isinstance(event, ProgressEvent)]
        assert not strange, f"reported {strange[:1]!r}, which is no ProgressEvent"

    @asynccontextmanager
    async def _loaded_backend(self) -> AsyncGenerator[TTSBackend, None]:
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
        with _limit(self.answer_within, f"speaking {len(text)} characters"):
            async with aclosing(backend.generate_stream(request)) as stream:
                return [chunk async for chunk in stream]

    async def _speak_together(
        self, backend: TTSBackend, voices: Sequence[Voice]
    ) -> list[NDArray[np.float64]]:
        timbres: dict[str, NDArray[np.float64]] = {}
        places = anyio.CapacityLimiter(backend.capabilities.concurrency)

        async def speak(voice: Voice) -> None:
            async with places:
                timbres[voice.id] = timbre_of(await self._speak(backend, self.text, voice))

        async with anyio.create_task_group() as tasks:
            for voice in voices:
                tasks.start_soon(speak, voice)
        return [timbres[voice.id] for voice in voices]

    async def _two_voices(self, backend: TTSBackend) -> list[Voice]:
        if self.two_voices is not None:
            return [await backend.find_voice(name, None) for name in self.two_voices]
        default = await backend.find_voice(None, None)
        others = [voice for voice in await backend.voices() if voice.id != default.id]
        if not others:
            pytest.skip("the engine has one voice")
        return [default, others[0]]

    def _check_samples(self, chunks: Sequence[AudioChunk]) -> None:
        assert chunks, "no audio, and no error"
        for chunk in chunks:
            assert chunk.samples.dtype == np.float32, f"samples are {chunk.samples.dtype}, not float32"
            assert chunk.samples.ndim == 1, f"samples have the shape {chunk.samples.shape}, not (T,)"
        rates = {chunk.sample_rate for chunk in chunks}
        assert len(rates) == 1, f"the sample rate changes within a segment: {sorted(rates)}"
        assert chunks[0].sample_rate in SPEECH_RATES, f"{chunks[0].sample_rate} Hz"
        samples = np.concatenate([chunk.samples for chunk in chunks])
        assert np.isfinite(samples).all(), "some samples are not finite"
        peak = float(np.abs(samples).max(initial=0.0))
        assert peak > 1e-3, f"it is silent: the highest sample is {peak:g}"
        assert peak <= HEADROOM, f"samples leave [-{HEADROOM:g}, {HEADROOM:g}]: {peak:g}"

    def _check_words(self, chunks: Sequence[AudioChunk], seconds: float) -> None:
        words = [word for chunk in chunks for word in chunk.words]
        for word in words:
            there = self.text[slice(*word.span)]
            assert word.text == there, f"the span of word {word.text!r} holds {there!r}"
            inside = 0 <= word.start <= word.end <= seconds + 0.05
            assert inside, f"{word!r} does not lie within the {seconds:.2f} s of audio"
        for one, two in itertools.pairwise(words):
            ordered = one.span[1] <= two.span[0] and one.end <= two.start + 1e-6
            assert ordered, f"words overlap or are out of order: {one!r}, {two!r}"
        spoken = len(self.text.split())
        assert len(words) >= 0.8 * spoken, f"timings for {len(words)} of {spoken} words"


@contextmanager
def _limit(seconds: float, what: str) -> Generator[None, None, None]:
    try:
        with _in_order(what), anyio.fail_after(seconds):
            yield
    except TimeoutError as exc:
        raise AssertionError(f"{what} took longer than {seconds:g} s") from exc


@contextmanager
def _in_order(what: str) -> Generator[None, None, None]:
    """Say in words what an engine raises, also an exception that would end the tests."""
    try:
        yield
    except TTSHubError as exc:
        raise AssertionError(f"{what} failed: {type(exc).__name__}: {exc}") from exc
    except (SystemExit, KeyboardInterrupt) as exc:
        if is_from_a_signal(exc):
            raise
        raise AssertionError(f"{what} raised {described(exc)}, which would end a program") from exc


def _seconds(chunks: Sequence[AudioChunk]) -> float:
    return sum(chunk.seconds for chunk in chunks)
