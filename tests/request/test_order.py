"""Segments reach their own reader in the order of the text."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import anyio
import pytest

from tests.speaking import THREE, drain, hub, pitch
from tests.waiting import until
from tts_hub import AudioChunk, Capabilities, SegmentRequest
from tts_hub.testing import FakeBackend, FakeScript

pytestmark = pytest.mark.anyio


async def test_segments_come_in_order_though_made_in_parallel() -> None:
    class Uneven(FakeBackend):
        async def generate_stream(
            self, request: SegmentRequest, on_progress: Any = None
        ) -> AsyncGenerator[AudioChunk, None]:
            if request.index == 0:
                await until(lambda: len(self.requests) == 2)
            async for chunk in super().generate_stream(request):
                yield chunk

    fake = Uneven(capabilities=Capabilities(word_timings=True, concurrency=3))
    async with hub(fake) as manager:
        audio = await manager.generate(THREE, model="fake")
        await drain(audio)
    assert [request.index for request in fake.requests] == [1, 2, 0]
    assert [word.text for word in audio.words] == THREE.split()
    assert all(THREE[slice(*word.span)] == word.text for word in audio.words)
    starts = [word.start for word in audio.words]
    assert starts == sorted(starts)


async def test_concurrent_requests_never_mix_voices() -> None:
    fake = FakeBackend(script=FakeScript(chunk_delay=0.001))
    tones = {"low": 200, "mid": 400, "high": 800}
    heard: list[tuple[int, float]] = []

    async with hub(fake, limits={"max_queue": 100}) as manager:

        async def one(voice: str) -> None:
            heard.append(
                (tones[voice], pitch(await drain(await manager.generate(THREE, model="fake", voice=voice))))
            )

        async with anyio.create_task_group() as tasks:
            for number in range(30):
                tasks.start_soon(one, list(tones)[number % 3])
    assert len(heard) == 30
    assert all(got == pytest.approx(wanted, rel=0.02) for wanted, got in heard)
