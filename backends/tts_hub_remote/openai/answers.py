"""Answers to `/audio/speech` as chunks of audio: plain audio, or events of every shape that servers send."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

import numpy as np

from tts_hub.audio.pcm import silence, to_s16le
from tts_hub.errors import GenerationError
from tts_hub.types import AudioChunk, Usage
from tts_hub_remote.connection import Reply
from tts_hub_remote.decoding import decoded, from_base64
from tts_hub_remote.events import events
from tts_hub_remote.failures import error_of, refusal_in

EVENT_STREAM = "text/event-stream"
AUDIO_KEYS = ("audio", "delta")
"""Fields of an event with audio: OpenAI's own, and the one of other servers."""
FLOAT_KEY = "audio_data"
"""Field of an event with float32 samples, as some servers send them."""
RATE = re.compile(r"\brate=\"?(\d{4,6})\b")


async def audio_of(reply: Reply, sample_rate: int, backend: str) -> AsyncGenerator[AudioChunk, None]:
    """The chunks of an answer to `/audio/speech`: plain audio or events, as its Content-Type says.

    Raises:
        GenerationError: no audio, broken audio, or an event that reports a failure.
    """
    rate = _rate(reply.headers.get("content-type", ""), sample_rate)
    if reply.content_type == EVENT_STREAM:
        state = _EventState(rate)
        pieces = _event_audio(reply, state, backend)
        chunks = decoded(pieces, claimed="", sample_rate=rate, backend=backend)
        async with aclosing(chunks):
            async for chunk in chunks:
                yield _at(chunk, state)
        if state.usage is not None:
            yield AudioChunk(silence(0), state.sample_rate, usage=state.usage)
        return
    chunks = decoded(reply.pieces(), claimed=reply.content_type, sample_rate=rate, backend=backend)
    async with aclosing(chunks):
        async for chunk in chunks:
            yield chunk


class _EventState:
    """What the events have said so far besides the audio."""

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self.usage: Usage | None = None
        self.ended = False


async def _event_audio(reply: Reply, state: _EventState, backend: str) -> AsyncGenerator[bytes, None]:
    async with aclosing(reply.pieces()) as pieces, aclosing(events(pieces, backend)) as found:
        async for event in found:
            kind = str(event.get("type", ""))
            if kind.endswith("error") or "error" in event:
                raise error_of(refusal_in(event), backend)
            if kind.endswith(".info"):
                state.sample_rate = int(event.get("sample_rate") or state.sample_rate)
            elif kind.endswith(".done"):
                state.ended = True
                state.usage = _usage(event.get("usage"))
            elif audio := next((event[key] for key in AUDIO_KEYS if event.get(key)), None):
                yield from_base64(audio, backend)
            elif FLOAT_KEY in event:
                yield to_s16le(
                    np.frombuffer(from_base64(event[FLOAT_KEY], backend), "<f4").astype(np.float32)
                )
    if not state.ended:
        raise GenerationError(f"the events of {backend} end before the last one", backend=backend)


def _at(chunk: AudioChunk, state: _EventState) -> AudioChunk:
    """A chunk of raw samples at the rate that the first event gives."""
    return AudioChunk(chunk.samples, state.sample_rate) if state.sample_rate != chunk.sample_rate else chunk


def _usage(value: Any) -> Usage | None:
    if not isinstance(value, Mapping):
        return None
    counts = (value.get("input_tokens"), value.get("output_tokens"))
    text, audio = (count if isinstance(count, int) else None for count in counts)
    return Usage(text_tokens=text, audio_tokens=audio) if text is not None and audio is not None else None


def _rate(content_type: str, usual: int) -> int:
    """The sample rate in Hz that a media type names, as `audio/pcm;rate=22050` does; else the usual one."""
    found = RATE.search(content_type)
    return int(found[1]) if found else usual
