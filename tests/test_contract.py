"""The contract: our engines keep it, and each of its tests fails for an engine that breaks it."""

from __future__ import annotations

import dataclasses
import importlib
import sys
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from pathlib import Path
from types import ModuleType
from typing import Any

import anyio
import numpy as np
import pytest
from tts_hub_espeak import EspeakBackend

from tts_hub.backend import BackendSettings, TTSBackend
from tts_hub.errors import BackendUnavailableError, GenerationError
from tts_hub.progress import ProgressCallback, ProgressEvent, ignore
from tts_hub.testing import FakeBackend, FakeScript
from tts_hub.testing.contract import BackendContract
from tts_hub.types import AudioChunk, Capabilities, SegmentRequest, Usage, Voice

pytestmark = pytest.mark.anyio
ALL = Capabilities(word_timings=True, concurrency=2, speed_range=(0.5, 2.0))


class TestFakeBackend(BackendContract):
    def make_backend(self) -> TTSBackend:
        return FakeBackend(capabilities=ALL)


class TestEspeakBackend(BackendContract):
    def make_backend(self) -> TTSBackend:
        return EspeakBackend()


class TestSlowBackend(BackendContract):
    """An engine that takes one request at a time and gives the audio of each in one piece."""

    def make_backend(self) -> TTSBackend:
        script = FakeScript(first_chunk_delay=0.3, chunk_seconds=60.0)
        return FakeBackend(script=script, capabilities=Capabilities(streaming=False, concurrency=1))


# --- broken engines ---------------------------------------------------------------------------------------


class Impatient(BackendContract):
    """The contract with short limits, for engines that are known to overstep them."""

    answer_within = 3.0
    close_within = 1.0
    voices_within = 1.0

    def __init__(self, make: Callable[[], TTSBackend]) -> None:
        self._make = make

    def make_backend(self) -> TTSBackend:
        return self._make()


class Altered(FakeBackend):
    """Hands out what `alter` makes of every chunk."""

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
        return dataclasses.replace(chunk, samples=chunk.samples * np.float32(4))


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
    """Has an id as a voice does."""

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
    """Keeps the voice in the engine instead of in the request."""

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
    """Goes on with its work when its stream is closed."""

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
    """Works in the event loop, where nothing can stop it."""

    async def generate_stream(
        self, request: SegmentRequest, on_progress: ProgressCallback = ignore
    ) -> AsyncGenerator[AudioChunk, None]:
        await anyio.lowlevel.checkpoint()
        time.sleep(1.4)  # noqa: ASYNC251 - the very fault
        async with aclosing(super().generate_stream(request)) as chunks:
            async for chunk in chunks:
                yield chunk


class FinishesFirst(FakeBackend):
    """Does not let itself be cancelled."""

    async def generate_stream(
        self, request: SegmentRequest, on_progress: ProgressCallback = ignore
    ) -> AsyncGenerator[AudioChunk, None]:
        with anyio.CancelScope(shield=True):
            await anyio.sleep(1.4)
        async with aclosing(super().generate_stream(request)) as chunks:
            async for chunk in chunks:
                yield chunk


class LosesItsPlaces(FakeBackend):
    """Does not give a place back when a stream ends before its time."""

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


class KnowsItsVoicesOnceLoaded(FakeBackend):
    async def voices(self) -> Sequence[Voice]:
        if not self.loads:
            raise BackendUnavailableError("not loaded yet", backend=self.name)
        return await super().voices()


class LoadsToTellItsVoices(FakeBackend):
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


class TellsEveryone(FakeBackend):
    """Reports to all who ever listened."""

    def __init__(self) -> None:
        super().__init__(capabilities=ALL)
        self._listeners: list[ProgressCallback] = []

    async def generate_stream(
        self, request: SegmentRequest, on_progress: ProgressCallback = ignore
    ) -> AsyncGenerator[AudioChunk, None]:
        self._listeners.append(on_progress)
        for listener in self._listeners:
            listener(ProgressEvent("segment", backend=self.name))
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


BROKEN_DECLARATIONS: list[tuple[Callable[[], TTSBackend], str]] = [
    (lambda: FakeBackend(name="Fake"), "not lower case"),
    (lambda: FakeBackend(name=" "), "white space"),
    (lambda: capable(concurrency=0), "concurrency"),
    (lambda: capable(speed_range=(1.5, 2.0)), "speed_range"),
    (lambda: capable(max_chars=0), "max_chars"),
    (lambda: capable(languages="en"), "languages"),
    (lambda: FakeBackend(price="cheap"), r"price\(\)"),  # type: ignore[arg-type]
    (lambda: FakeBackend(priority="high"), "priority"),  # type: ignore[arg-type]
    (SaysNothing, r"availability\(\) is None"),
    (Exits, "SystemExit"),
]

BROKEN: list[tuple[str, Callable[[], TTSBackend], str]] = [
    ("lists_its_voices_without_being_loaded", NoVoices, "no voices before load"),
    ("lists_its_voices_without_being_loaded", KnowsItsVoicesOnceLoaded, "not loaded yet"),
    ("lists_its_voices_without_being_loaded", LoadsToTellItsVoices, "loads itself"),
    ("lists_its_voices_without_being_loaded", ThinksAboutItsVoices, "longer than 1 s"),
    ("lists_its_voices_without_being_loaded", FindsVoicesWhenLoaded, "other voices before load"),
    ("voices_are_found_by_their_id", NoVoices, "no voices"),
    ("voices_are_found_by_their_id", TwinVoices, "not unique: low"),
    ("voices_are_found_by_their_id", AnyVoiceWillDo, "instead of UnknownVoiceError"),
    ("voices_are_found_by_their_id", AlwaysTheSameVoice, "'mid'.*gave the voice 'low'"),
    ("speaks", DoublePrecision, "float64"),
    ("speaks", Stereo, r"\(2, 2400\)"),
    ("speaks", TooLoud, r"leave \[-1, 1\]: 2"),
    ("speaks", NotANumber, "not finite"),
    ("speaks", ChangingRate, "sample rate changes"),
    ("speaks", WrongSpans, "span of word 'The' holds 'he '"),
    ("speaks", LateWords, "does not lie within"),
    ("speaks", BadEnding, "finish_reason 'banana'"),
    ("speaks", BadCount, "counted -1 characters"),
    ("closes", CannotClose, "closing failed: GenerationError: stuck"),
    ("closes", ExitsWhenClosed, "closing raised SystemExit: 3"),
    ("voices_are_found_by_their_id", NoVoiceAtAll, "a Voice belongs there"),
    ("speaks", FewWords, "timings for 0 of 13 words"),
    ("speaks", lambda: scripted(mute=True), "no audio"),
    ("speaks", lambda: scripted(silent=True), "silent"),
    ("speaks", lambda: scripted(seconds_per_word=0.05), "s of audio for 63 characters"),
    ("speaks", lambda: scripted(stall_at=0), "longer than 3 s"),
    ("speaks", lambda: scripted(fail_at={0: 1}), "GenerationError: scripted failure"),
    ("speaks_a_single_word", lambda: scripted(mute=True), "no audio"),
    ("streams_if_it_says_so", lambda: scripted(chunk_seconds=60.0), "1 pieces"),
    ("speed_is_native_where_declared", IgnoresSpeed, "at speed 2"),
    ("closing_stops_it", NeverStops, "closing a stream .* longer than 1 s"),
    ("closing_stops_it", LosesItsPlaces, "after an earlier stream was closed"),
    ("cancelling_stops_it", BlocksTheLoop, "a cancelled request took"),
    ("cancelling_stops_it", FinishesFirst, "a cancelled request took"),
    ("cancelling_stops_it", LosesItsPlaces, "longer than 3 s"),
    ("two_voices_do_not_mix", MixesVoices, "'low' sounds different.* 100%"),
    ("progress_is_its_own", TellsEveryone, "progress of a later one"),
    ("progress_is_its_own", ReportsText, "'half way'"),
]


@pytest.mark.parametrize(("make", "message"), BROKEN_DECLARATIONS)
def test_a_wrong_declaration_is_found(make: Callable[[], TTSBackend], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        Impatient(make).test_declares_itself()


@pytest.mark.parametrize(("test", "make", "message"), BROKEN)
async def test_a_broken_engine_is_found(test: str, make: Callable[[], TTSBackend], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        await getattr(Impatient(make), f"test_{test}")()


async def test_an_engine_that_cannot_be_loaded_again_is_found() -> None:
    with pytest.raises(Exception, match="not loaded"):
        await Impatient(DiesWhenClosed).test_loads_twice_and_again_after_closing()


def plugin(folder: Path, code: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[], TTSBackend]:
    """An engine that says it comes from a module of this code."""
    (folder / "some_plugin.py").write_text(code)
    (folder / "torch.py").write_text("")
    monkeypatch.syspath_prepend(folder)
    module = ModuleType("some_plugin")

    class Plugin(FakeBackend):
        __module__ = module.__name__

    return Plugin


def test_an_engine_that_imports_torch_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AssertionError, match="imports torch; do that in load"):
        Impatient(plugin(tmp_path, "import torch", monkeypatch)).test_imports_cheaply()


async def test_an_engine_that_imports_jax_for_its_voices_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Imports(FakeBackend):
        async def voices(self) -> Sequence[Voice]:
            importlib.import_module("jax")
            return await super().voices()

    (tmp_path / "jax.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "jax", None)
    del sys.modules["jax"]
    with pytest.raises(AssertionError, match="imports jax"):
        await Impatient(Imports).test_lists_its_voices_without_being_loaded()


def test_an_engine_that_cannot_be_imported_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        Impatient(plugin(tmp_path, "1 / 0", monkeypatch)).test_imports_cheaply()


async def test_an_engine_that_fails_does_so_with_its_own_words() -> None:
    broken = scripted(fail_at={0: 0}, error=GenerationError("out of paper", backend="fake"))
    with pytest.raises(AssertionError, match="out of paper"):
        await Impatient(lambda: broken).test_closing_stops_it()


async def test_voices_that_sound_alike_are_not_judged() -> None:
    contract = Impatient(FakeBackend)
    contract.two_voices = ("low", "low")
    with pytest.raises(pytest.skip.Exception, match="two_voices"):
        await contract.test_two_voices_do_not_mix()
