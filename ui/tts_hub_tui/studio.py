"""The parts of a studio that its screens work with."""

from __future__ import annotations

from dataclasses import dataclass

from tts_hub_tui.hubs.download import Downloads
from tts_hub_tui.hubs.interface import Hub
from tts_hub_tui.hubs.watch import EngineWatch
from tts_hub_tui.jobs.queue import JobQueue
from tts_hub_tui.storage.history import History


@dataclass(frozen=True, slots=True)
class Studio:
    """One hub, and all that a user does with it."""

    hub: Hub
    engines: EngineWatch
    downloads: Downloads
    history: History
    queue: JobQueue
