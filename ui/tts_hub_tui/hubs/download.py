"""Getting the files of a model, which continues while the user is elsewhere in the studio."""

from __future__ import annotations

import anyio

from tts_hub.progress import ProgressEvent
from tts_hub.types import ModelFiles
from tts_hub_tui.hubs.interface import Hub
from tts_hub_tui.jobs.job import Failure, failure_of


class Pull:
    """One download, from its start to its outcome."""

    def __init__(self, files: ModelFiles) -> None:
        self.files = files
        self.bytes: int | None = None
        """That have arrived; None while nobody knows."""
        self.total_bytes: int | None = None
        self.message = ""
        self.failure: Failure | None = None
        self.is_over = False
        self._scope = anyio.CancelScope()
        self._stopped = False

    @property
    def line(self) -> str:
        """Where it stands, for people to read."""
        name = self.files.model
        if self.failure is not None:
            return f"✗ {self.failure.line}"
        if self._stopped:
            return f"{name}: stopped; p continues from there."
        if self.is_over:
            return f"{name} is here."
        if self.bytes is None or self.total_bytes is None:
            return f"{name} from {self.files.source} {self.message}".rstrip()
        return f"{name}: {self.bytes / 1e6:.0f} of {self.total_bytes / 1e6:.0f} MB {self.message}".rstrip()

    async def run(self, hub: Hub) -> None:
        """Until it is here, fails, or is stopped; raises nothing."""
        try:
            with self._scope:
                await hub.pull(self.files.model, self._note, variant=self.files.variant or None)
        except Exception as exc:  # noqa: BLE001 - shown, and in the log
            self.failure = failure_of(exc)
        finally:
            self.is_over = True

    def stop(self) -> None:
        """What has arrived is kept."""
        if not self.is_over:
            self._stopped = True
            self._scope.cancel()

    def _note(self, event: ProgressEvent, /) -> None:
        done, total = event.details.get("bytes"), event.details.get("total_bytes")
        if isinstance(done, int) and isinstance(total, int):
            self.bytes, self.total_bytes = done, total
        self.message = event.message
