"""Downloading the files of a model, which continues while the user is elsewhere in the studio."""

from __future__ import annotations

from collections.abc import Callable

import anyio

from tts_hub.progress import ProgressEvent
from tts_hub.types import ModelFiles
from tts_hub_tui.failure import Failure, failure_of
from tts_hub_tui.hubs.interface import Hub


class Downloads:
    """The downloads of a studio, of which one runs at a time."""

    def __init__(self, hub: Hub, on_finished: Callable[[Download], None]) -> None:
        """`on_finished` is called after every download, whatever its outcome."""
        self.latest: Download | None = None
        """The download that runs, or the last one; None before the first."""
        self._hub = hub
        self._on_finished = on_finished

    async def run(self, files: ModelFiles) -> None:
        """Download files; raises nothing."""
        self.latest = download = Download(files)
        await download.run(self._hub)
        self._on_finished(download)


class Download:
    """One download, from its start to its outcome."""

    def __init__(self, files: ModelFiles) -> None:
        self.files = files
        self.bytes: int | None = None
        """Bytes that have arrived; None until the hub reports them."""
        self.total_bytes: int | None = None
        self.message = ""
        self.failure: Failure | None = None
        self.is_over = False
        self._scope = anyio.CancelScope()
        self._is_stopped = False

    @property
    def line(self) -> str:
        """The state of the download in one line."""
        name = self.files.model
        if self.failure is not None:
            return f"✗ {self.failure.line}"
        if self._is_stopped:
            return f"{name}: stopped; p continues from there."
        if self.is_over:
            return f"{name} is here."
        if self.bytes is None or self.total_bytes is None:
            return f"{name} from {self.files.source} {self.message}".rstrip()
        return f"{name}: {self.bytes / 1e6:.0f} of {self.total_bytes / 1e6:.0f} MB {self.message}".rstrip()

    async def run(self, hub: Hub) -> None:
        """Download until all files are here, it fails, or it is stopped; raises nothing."""
        try:
            with self._scope:
                await hub.pull(self.files.model, self._apply, variant=self.files.variant or None)
        except Exception as exc:  # noqa: BLE001 - shown, and in the log
            self.failure = failure_of(exc)
        finally:
            self.is_over = True

    def stop(self) -> None:
        """Stop it; what has arrived is kept."""
        if not self.is_over:
            self._is_stopped = True
            self._scope.cancel()

    def _apply(self, event: ProgressEvent, /) -> None:
        done, total = event.details.get("bytes"), event.details.get("total_bytes")
        if isinstance(done, int) and isinstance(total, int):
            self.bytes, self.total_bytes = done, total
        self.message = event.message
