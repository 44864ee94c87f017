"""Reports: figures, retakes, seeds, and what an engine ignored."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest

from tests.speaking import THREE, drain, hub
from tts_hub import AudioChunk, Capabilities, Price
from tts_hub.request.attempt import Attempt
from tts_hub.request.route import Candidate
from tts_hub.testing import FakeBackend, FakeScript
from tts_hub.types import RetakeReason

pytestmark = pytest.mark.anyio


async def test_the_report_adds_up() -> None:
    async with hub(FakeBackend(price=Price(per_million_characters=15.0))) as manager:
        audio = await manager.generate(THREE, model="fake", voice="low")
        samples = await drain(audio)
        report = audio.report
    assert report.complete
    assert report.segments == 3
    assert report.audio_seconds == pytest.approx(len(samples) / 24_000)
    assert (report.backend, report.voice, report.language) == ("fake", "low", "en-US")
    assert report.first_audio_seconds is not None
    assert 0 < report.first_audio_seconds <= report.elapsed_seconds
    assert report.real_time_factor is not None
    assert 0 < report.real_time_factor < 1
    assert report.cost == pytest.approx((len(THREE) - 2) * 15e-6)


async def test_fields_that_the_engine_ignores_are_reported() -> None:
    async with hub(FakeBackend()) as manager:
        audio = await manager.generate("Hello.", model="fake", seed=7, instructions="cheerful")
        await drain(audio)
        assert audio.report.ignored == ("seed", "instructions")


async def test_the_report_lists_failed_takes() -> None:
    script = FakeScript(retakes={0: ("endless",), 2: ("repetition", "too_short")})
    async with hub(FakeBackend(script=script)) as manager:
        audio = await manager.generate(THREE, model="fake")
        await drain(audio)
    listed = [(retake.segment, retake.backend, retake.reason) for retake in audio.report.retakes]
    assert listed == [(0, "fake", "endless"), (2, "fake", "repetition"), (2, "fake", "too_short")]


async def test_the_fields_of_chunks_survive_when_the_chunks_are_joined() -> None:
    attempt = Attempt(cast("Candidate", None))
    some, none = np.ones(100, np.float32), np.zeros(0, np.float32)
    attempt.put(AudioChunk(none, 24_000, retakes=("endless",)))
    attempt.put(AudioChunk(some, 24_000, retakes=("silence",)))
    attempt.put(AudioChunk(some, 24_000, finish_reason="length", seed=3))
    whole = attempt.read()
    assert len(whole.samples) == 200
    assert (whole.retakes, whole.finish_reason, whole.seed) == (("endless", "silence"), "length", 3)


async def test_an_engine_whose_takes_all_fail_hands_over_and_the_report_lists_them() -> None:
    lost: RetakeReason = "silence"
    script = FakeScript(retakes={0: (lost, lost)}, fail_at={0: 0})
    first = FakeBackend(name="first", priority=9, script=script)
    second = FakeBackend(name="second", priority=5, script=FakeScript(retakes={1: ("endless",)}))
    async with hub(first, second) as manager:  # `auto` changes engines only before the first audio
        audio = await manager.generate(THREE)
        await drain(audio)
    report = audio.report
    assert [(change.failed, change.repeated_seconds) for change in report.fallbacks] == [("first", 0.0)]
    listed = [(retake.segment, retake.backend) for retake in report.retakes]
    assert listed == [(0, "first"), (0, "first"), (1, "second")]
    assert report.complete


async def test_the_report_has_the_seed_that_an_engine_drew() -> None:
    seeded = Capabilities(seed=True, concurrency=2)
    fake = FakeBackend(script=FakeScript(drawn_seed=77), capabilities=seeded)
    async with hub(fake) as manager:
        seeds = []
        for wanted in (None, 5):
            audio = await manager.generate(THREE, model="fake", seed=wanted)
            await drain(audio)
            seeds.append(audio.report.seed)
    assert seeds == [77, 5]


async def test_a_seed_of_only_a_part_of_the_audio_is_not_reported() -> None:
    first = FakeBackend(name="first", script=FakeScript(drawn_seed=77, fail_at={1: 2}))
    early = FakeBackend(name="early", script=FakeScript(drawn_seed=77, fail_at={0: 0}))
    second = FakeBackend(name="second", script=FakeScript(drawn_seed=78))
    seeds = []
    async with hub(first, early, second) as manager:
        for model in ("first", "early"):
            audio = await manager.generate(THREE, model=model, fallback=["second"])
            await drain(audio)
            seeds.append(audio.report.seed)
    assert seeds == [None, 78]


async def test_a_seed_that_the_engine_ignores_is_not_reported() -> None:
    async with hub(FakeBackend()) as manager:
        audio = await manager.generate("Hello.", model="fake", seed=5)
        await drain(audio)
    assert audio.report.seed is None
