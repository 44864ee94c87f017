"""Helpers for tests of AllTalk."""

from __future__ import annotations

from typing import Any

from tts_hub_remote.alltalk import AllTalkBackend
from tts_hub_remote.alltalk.settings import AllTalkSettings

from tests.remote.alltalk_server import AllTalkServer
from tests.remote.speaking import SETTINGS, kept

POST = "/api/tts-generate"
STREAM = "/api/tts-generate-streaming"


def engine(service: AllTalkServer, **settings: Any) -> AllTalkBackend:
    """An engine on a server, closed when the test is over."""
    return kept(AllTalkBackend(AllTalkSettings(**(SETTINGS | {"url": service.url} | settings))))
