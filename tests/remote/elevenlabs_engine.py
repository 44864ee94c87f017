"""The engine on the fake ElevenLabs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tts_hub_remote.elevenlabs import ElevenLabsBackend
from tts_hub_remote.elevenlabs.settings import ElevenLabsSettings

from tests.remote.elevenlabs_server import KEY, ElevenLabsServer
from tests.remote.speaking import SETTINGS, kept
from tts_hub.types import AudioChunk, WordTiming


def eleven(server: ElevenLabsServer, **settings: Any) -> ElevenLabsBackend:
    """An engine on the server, closed when the test is over."""
    values = SETTINGS | {"url": server.url, "api_key": KEY} | settings
    return kept(ElevenLabsBackend(ElevenLabsSettings(**values)))


def words_of(chunks: Sequence[AudioChunk]) -> list[WordTiming]:
    return [word for chunk in chunks for word in chunk.words]
