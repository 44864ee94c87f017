"""An engine that fails: its request ends with a typed error, other requests continue."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import numpy as np
import pytest

from tests.speaking import THREE, drain, hub
from tts_hub import AudioChunk, SegmentRequest
from tts_hub.errors import GenerationError, InvalidTextError, NoAudioError
from tts_hub.testing import FakeBackend, FakeScript

pytestmark = pytest.mark.anyio


async def test_without_a_fallback_the_error_comes_out_after_the_audio_before_it() -> None:
    async with hub(FakeBackend(script=FakeScript(fail_at={2: 1}))) as manager:
        heard: list[AudioChunk] = []
        with pytest.raises(GenerationError, match="scripted failure in segment 2"):
            async with await manager.generate(THREE, model="fake") as audio:
                async for chunk in audio:
                    heard.append(chunk)
        assert audio.report.segments == 2
        assert not audio.report.complete
        assert sum(chunk.seconds for chunk in heard) > 2.7


async def test_an_encoded_stream_that_fails_does_not_end_cleanly() -> None:
    async with hub(FakeBackend(script=FakeScript(fail_at={1: 1}))) as manager:
        speech = await manager.stream(THREE, model="fake", response_format="mp3")
        with pytest.raises(GenerationError):
            await speech.read()
        await speech.aclose()


@pytest.mark.parametrize("script", [FakeScript(silent=True), FakeScript(mute=True)])
async def test_silence_for_a_text_is_an_error(script: FakeScript) -> None:
    async with hub(FakeBackend(script=script)) as manager:
        with pytest.raises(NoAudioError):
            await drain(await manager.generate("Hello.", model="fake"))


@pytest.mark.parametrize("script", [FakeScript(silent=True), FakeScript(mute=True)])
async def test_a_text_without_words_that_makes_no_sound_is_an_error(script: FakeScript) -> None:
    async with hub(FakeBackend(script=script)) as manager:
        with pytest.raises(InvalidTextError, match="no words to speak"):
            await manager.stream("♫", model="fake")


async def test_any_exception_of_an_engine_becomes_a_generation_error() -> None:
    script = FakeScript(fail_at={0: 0}, error=ZeroDivisionError("oops"))
    async with hub(FakeBackend(script=script)) as manager:
        with pytest.raises(GenerationError, match="engine 'fake' failed: ZeroDivisionError: oops"):
            await manager.stream("Hello.", model="fake")


async def test_samples_that_are_not_numbers_are_a_failure() -> None:
    class Broken(FakeBackend):
        async def generate_stream(
            self, request: SegmentRequest, on_progress: Any = None
        ) -> AsyncGenerator[AudioChunk, None]:
            yield AudioChunk(np.full(100, np.nan, np.float32), 24_000)

    async with hub(Broken()) as manager:
        with pytest.raises(GenerationError, match="not finite"):
            await manager.stream("Hello.", model="fake")


class Panic(BaseException):
    """An exception such as an extension module may raise."""


@pytest.mark.parametrize("error", [Panic("panicked"), GeneratorExit()])
async def test_any_exception_of_an_engine_concerns_its_own_request_only(error: BaseException) -> None:
    class Rude(FakeBackend):
        async def generate_stream(
            self, request: SegmentRequest, on_progress: Any = None
        ) -> AsyncGenerator[AudioChunk, None]:
            if request.text:
                raise error
            yield AudioChunk(np.zeros(0, np.float32), 24_000)

    async with hub(FakeBackend(script=FakeScript(chunk_delay=0.005)), Rude(name="rude")) as manager:
        other = await manager.generate(THREE, model="fake")
        with pytest.raises(GenerationError, match=type(error).__name__):
            await manager.generate("Hello.", model="rude")
        assert len(await drain(other))
