"""The objects that every route needs: the manager, the settings, the metrics."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from tts_hub.config import ServerConfig
from tts_hub.manager import TTSBackendManager
from tts_hub.server.limits import CallerLimits
from tts_hub.server.metrics import Metrics
from tts_hub.server.outputs import Outputs


@dataclass(frozen=True, slots=True)
class Hub:
    """The shared objects of one application."""

    manager: TTSBackendManager
    metrics: Metrics
    limits: CallerLimits
    outputs: Outputs
    started: int = field(default_factory=lambda: int(time.time()))
    """The start of the server, in seconds since 1970."""

    @property
    def settings(self) -> ServerConfig:
        """The `[server]` section."""
        return self.manager.config.server


def _hub(connection: HTTPConnection) -> Hub:
    hub: Hub = connection.app.state.hub
    return hub


TheHub = Annotated[Hub, Depends(_hub)]
"""The type of a route parameter that gets the application's hub."""
