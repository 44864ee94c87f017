"""Another engine takes over when one fails."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import anyio
import numpy as np
import pytest

from tests.speaking import THREE, drain, hub
from tests.waiting import until
from tts_hub import AudioChunk, Capabilities, ProgressEvent, SegmentRequest, WordTiming
from tts_hub.errors import (
    BackendUnavailableError,
    GenerationError,
    InvalidTextError,
    UnknownVoiceError,
    UsageError,
)
from tts_hub.progress import ProgressCallback, ignore
from tts_hub.testing import FakeBackend, FakeScript

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("failing_chunk", [0, 2])
async def test_the_next_engine_resumes_at_the_failed_sentence(failing_chunk: int) -> None:
    first = FakeBackend(name="first", script=FakeScript(fail_at={1: failing_chunk}))
    second = FakeBackend(name="second")
    events: list[ProgressEvent] = []
    async with hub(first, second) as manager:
        audio = await manager.generate(
            THREE, model="first", voice="high", fallback=["second"], on_progress=events.append
        )
        await drain(audio)
        report = audio.report
    assert [request.index for request in second.requests] == [1, 2]
    (change,) = report.fallbacks
    assert (change.failed, change.continued, change.segment) == ("first", "second", 1)
    assert THREE[change.position :].startswith("The second")
    assert (change.repeated_seconds > 0) == (failing_chunk > 0)
    assert report.complete
    assert report.backend == "second"
    assert "fallback" in [event.stage for event in events]
    said = [word.text for word in audio.words]
    assert said[:5] == THREE.split()[:5]
    assert said[-10:] == THREE.split()[5:]


async def test_when_every_engine_fails_the_error_names_them_all() -> None:
    first = FakeBackend(name="first", script=FakeScript(fail_at={0: 0}))
    second = FakeBackend(name="second", script=FakeScript(load_error=OSError("disk on fire")))
    async with hub(first, second) as manager:
        with pytest.raises(BackendUnavailableError, match=r"scripted failure.*disk on fire"):
            await manager.stream("Hello.", model="first", fallback=["second"])


async def test_the_configured_fallback_is_used() -> None:
    first = FakeBackend(name="first", script=FakeScript(fail_at={0: 0}))
    async with hub(first, FakeBackend(name="second"), fallback=["second"]) as manager:
        audio = await manager.generate("Hello.", model="first")
        await drain(audio)
        assert audio.report.backend == "second"
        with pytest.raises(GenerationError):
            await manager.generate("Hello.", model="first", fallback=[])


async def test_a_fallback_takes_over_for_an_engine_that_is_not_ready() -> None:
    first = FakeBackend(name="first", script=FakeScript(ready=False))
    async with hub(first, FakeBackend(name="second")) as manager:
        audio = await manager.generate("Hello.", model="first", voice="low", fallback=["second"])
        await drain(audio)
        assert audio.report.fallbacks[0].failed == "first"
        assert audio.report.voice == "low"


async def test_a_fallback_does_not_read_a_language_that_it_does_not_speak() -> None:
    first = FakeBackend(name="first", script=FakeScript(ready=False))
    async with hub(first, FakeBackend(name="second")) as manager:
        with pytest.raises(BackendUnavailableError, match=r"'second' refused.*'fi'"):
            await manager.stream("Terve.", model="first", language="fi", fallback=["second"])


async def test_a_wrong_request_is_no_reason_to_fall_back() -> None:
    second = FakeBackend(name="second")
    async with hub(FakeBackend(name="first"), second) as manager:
        with pytest.raises(UnknownVoiceError, match="'hihg'; did you mean 'high'"):
            await manager.stream("Hello.", model="first", voice="hihg", fallback=["second"])
    assert not second.requests


async def test_a_fallback_that_auto_could_have_chosen_takes_over_in_the_middle() -> None:
    best = FakeBackend(name="best", priority=9, script=FakeScript(fail_at={1: 0}))
    standby = FakeBackend(name="standby", priority=5)
    async with hub(best, standby) as manager:
        audio = await manager.generate(THREE, fallback=["standby"])
        await drain(audio)
        assert [(change.failed, change.continued) for change in audio.report.fallbacks] == [
            ("best", "standby")
        ]


REFUSED = FakeScript(fail_at={1: 0}, error=InvalidTextError("cannot read these letters"))


@pytest.mark.parametrize("named", [True, False])
async def test_a_refused_sentence_is_spoken_by_the_next_engine_and_no_more(named: bool) -> None:
    best = FakeBackend(name="best", priority=9, script=REFUSED)
    standby = FakeBackend(name="standby", priority=5)
    events: list[ProgressEvent] = []
    named_engines: dict[str, Any] = {"model": "best", "fallback": ["standby"]} if named else {}
    async with hub(best, standby) as manager:
        audio = await manager.generate(THREE, **named_engines, on_progress=events.append)
        await drain(audio)
        report = audio.report
    assert [request.index for request in standby.requests] == [1]
    assert [request.index for request in best.requests] == [0, 1, 2]
    (change,) = report.fallbacks
    assert (change.failed, change.continued, change.segment, change.only_segment) == (
        "best",
        "standby",
        1,
        True,
    )
    assert change.kind == "engine_refused"
    assert (report.backend, report.complete) == ("best", True)
    assert [word.text for word in audio.words] == THREE.split()
    (told,) = [event.message for event in events if event.stage == "fallback"]
    assert told == "engine 'best' refused: cannot read these letters; standby speaks segment 2 instead"


async def test_an_engine_that_refuses_its_first_sentence_gets_no_other() -> None:
    script = FakeScript(fail_at={0: 0, 1: 0, 2: 0}, error=InvalidTextError("cannot read these letters"))
    first, second = FakeBackend(name="first", script=script), FakeBackend(name="second")
    async with hub(first, second) as manager:
        audio = await manager.generate(THREE, model="first", fallback=["second"])
        await drain(audio)
    assert [change.only_segment for change in audio.report.fallbacks] == [False]
    assert [request.index for request in second.requests] == [0, 1, 2]


async def test_a_failure_behind_a_refused_sentence_names_only_what_ended_the_speech() -> None:
    class Odd(FakeBackend):
        async def generate_stream(
            self, request: SegmentRequest, on_progress: ProgressCallback = ignore
        ) -> AsyncGenerator[AudioChunk, None]:
            self.script.error = None if request.index == 2 else InvalidTextError("cannot read these letters")
            async with aclosing(super().generate_stream(request, on_progress)) as chunks:
                async for chunk in chunks:
                    yield chunk

    odd = Odd(name="odd", priority=9, script=FakeScript(fail_at={1: 0, 2: 0}))
    async with hub(odd, FakeBackend(name="standby", priority=5)) as manager:
        audio = await manager.generate(THREE)
        with pytest.raises(GenerationError) as failure:
            await drain(audio)
    assert "letters" not in str(failure.value)
    assert failure.value.position == THREE.index("The third")


async def test_a_sentence_that_all_engines_refuse_ends_the_speech_with_the_first_reason() -> None:
    best = FakeBackend(name="best", priority=9, script=REFUSED)
    other = FakeScript(fail_at={1: 0}, error=InvalidTextError("cannot read it either"))
    standby = FakeBackend(name="standby", priority=5, script=other)
    async with hub(best, standby) as manager:
        audio = await manager.generate(THREE)
        with pytest.raises(InvalidTextError, match="cannot read these letters"):
            await drain(audio)


async def test_words_of_a_silent_attempt_are_left_out() -> None:
    first = FakeBackend(name="first", script=FakeScript(silent=True))
    async with hub(first, FakeBackend(name="second")) as manager:
        audio = await manager.generate("One two.", model="first", fallback=["second"])
        await drain(audio)
        assert [word.text for word in audio.words] == ["One", "two."]


@pytest.mark.parametrize(
    "chunk",
    [
        AudioChunk(np.ones(10, np.float64), 24_000),
        AudioChunk(np.ones((10, 1), np.float32), 24_000),
        AudioChunk(np.ones(10, np.float32), 3),
        AudioChunk(np.ones(10, np.float32), 24_000.5),  # type: ignore[arg-type]
        AudioChunk(np.ones(10, np.float32), 24_000, (WordTiming("Hello", 0, 1, (40, 45)),)),
        AudioChunk(np.ones(10, np.float32), 24_000, (WordTiming("Hello", math.nan, 1, (0, 5)),)),
        AudioChunk(np.ones(10, np.float32), 24_000, (WordTiming("Other", 0, 1, (0, 5)),)),
    ],
)
async def test_nonsense_of_an_engine_is_its_failure_and_falls_back(chunk: AudioChunk) -> None:
    class Odd(FakeBackend):
        async def generate_stream(
            self, request: SegmentRequest, on_progress: Any = None
        ) -> AsyncGenerator[AudioChunk, None]:
            yield chunk

    async with hub(Odd(name="odd"), FakeBackend(name="second")) as manager:
        audio = await manager.generate("Hello.", model="odd", fallback=["second"])
        await drain(audio)
        assert audio.report.fallbacks[0].failed == "odd"


async def test_a_fallback_after_the_hub_was_closed_is_a_usage_error() -> None:
    first = FakeBackend(name="first", script=FakeScript(fail_at={0: 1}))
    async with hub(first, FakeBackend(name="second")) as manager:
        audio = await manager.generate(THREE, model="first", fallback=["second"])
        await anext(audio)
        await until(lambda: not first.active)
        await manager.aclose()
        with pytest.raises(UsageError, match="closed before the speech ended"):
            await drain(audio)


async def test_a_stall_is_not_counted_while_the_engine_is_suspended() -> None:
    engine = FakeBackend(capabilities=Capabilities(concurrency=1, ssml=True, suspendable=1))
    async with hub(engine, limits={"buffer_seconds": 1, "stall_timeout": 0.1}) as manager:
        audio = await manager.generate("word " * 100, model="fake", markup="ssml")
        await until(lambda: audio._generation.handover.unread_seconds >= 4)
        await anyio.sleep(
            0.3
        )  # three times as long as an engine may be silent, while it waits for its reader
        assert len(await drain(audio)) / 24_000 == pytest.approx(30, rel=0.01)
    assert not audio.report.fallbacks
