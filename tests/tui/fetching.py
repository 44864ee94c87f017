"""An engine with a model whose download can be held."""

from __future__ import annotations

from collections.abc import Sequence

import anyio

from tests.waiting import until
from tts_hub.backend import BackendSettings
from tts_hub.progress import ProgressCallback, ProgressEvent, ignore
from tts_hub.testing.fake import FakeBackend
from tts_hub.types import ModelFiles


class Fetching(FakeBackend):
    """An engine with a model to download in five steps."""

    here = False
    error: Exception | None = None
    stopped_at = 0
    cancelled_pulls = 0
    hold_at: int | None = None
    """The step at which the download waits until this is None again."""

    @classmethod
    def downloads(cls, settings: BackendSettings) -> Sequence[ModelFiles]:
        missing = () if cls.here else ("net.bin",)
        return [ModelFiles("fetching", "the example hub", "/models", 5_000_000, missing)]

    @classmethod
    async def pull(
        cls, files: ModelFiles, settings: BackendSettings, on_progress: ProgressCallback = ignore
    ) -> None:
        for step in range(1, 6):
            cls.stopped_at = step
            sizes = {"bytes": step * 1_000_000, "total_bytes": 5_000_000}
            on_progress(ProgressEvent("downloading", details=sizes))
            try:
                await until(lambda step=step: cls.hold_at is None or step < cls.hold_at)  # type: ignore[misc]
            except anyio.get_cancelled_exc_class():
                cls.cancelled_pulls += 1
                raise
            if cls.error is not None:
                raise cls.error
        cls.here = True
