"""Engines that stall: no audio and no progress within the limit."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

import anyio
import pytest

from tests.speaking import THREE, drain, hub
from tts_hub import AudioChunk, ProgressEvent, SegmentRequest
from tts_hub.errors import StalledError
from tts_hub.progress import ProgressCallback, ignore
from tts_hub.testing import FakeBackend, FakeScript

pytestmark = pytest.mark.anyio


async def test_an_engine_that_hangs_counts_as_failed() -> None:
    first = FakeBackend(name="first", script=FakeScript(stall_at=1))
    async with hub(first, FakeBackend(name="second"), limits={"stall_timeout": 1.0}) as manager:
        audio = await manager.generate(THREE, model="first", fallback=["second"])
        await drain(audio)
        assert "no audio for 1 s" in audio.report.fallbacks[0].error
        with pytest.raises(StalledError):
            await drain(await manager.generate(THREE, model="first"))
        assert first.active == 0


class Reporting(FakeBackend):
    """A slow engine that reports its progress all the time."""

    async def generate_stream(
        self, request: SegmentRequest, on_progress: ProgressCallback = ignore
    ) -> AsyncGenerator[AudioChunk, None]:
        for _ in range(20):
            on_progress(ProgressEvent("generating", backend=self.name))
            await anyio.sleep(0.1)
        async with aclosing(super().generate_stream(request, on_progress)) as chunks:
            async for chunk in chunks:
                yield chunk


async def test_an_engine_that_reports_progress_has_not_stalled() -> None:
    async with hub(Reporting(), limits={"stall_timeout": 1.5}) as manager:
        assert len(await drain(await manager.generate("Hello.", model="fake")))
