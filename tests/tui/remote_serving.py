"""A request and a reader for the tests of the hub over HTTP."""

from __future__ import annotations

from contextlib import aclosing

from tts_hub_tui.hubs.interface import Speech

from tts_hub.types import AudioChunk, SpeechRequest

TEXT = "One two three. Four five six. Seven eight nine."
FAKE = SpeechRequest(TEXT, model="fake")


async def drain(speech: Speech) -> list[AudioChunk]:
    async with aclosing(speech):
        return [chunk async for chunk in speech]
