"""The answers of OpenAI's API and its dialects, as chunks of audio with what comes beside it."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

import numpy as np

from tts_hub.audio.pcm import to_s16le
from tts_hub.errors import GenerationError
from tts_hub.types import AudioChunk, Usage, WordTiming
from tts_hub_remote.connection import Reply
from tts_hub_remote.decoding import decoded, from_s16le
from tts_hub_remote.failures import error_of, refusal_in
from tts_hub_remote.lines import events, json_lines
from tts_hub_remote.words import WordMatcher

EVENT_STREAM = "text/event-stream"
AUDIO_KEYS = ("audio", "delta")
"""OpenAI's, and the one that others use for it."""
FLOAT_KEY = "audio_data"
"""Of servers that send float32 samples."""
RATE = re.compile(r"\brate=\"?(\d{4,6})\b")


async def audio_of(reply: Reply, sample_rate: int, backend: str) -> AsyncGenerator[AudioChunk, None]:
    """The chunks of an answer to `/audio/speech`: plain audio or events, as its Content-Type says.

    Raises:
        GenerationError: no audio, broken audio, or an event that tells of a failure.
    """
    rate = _rate(reply.headers.get("content-type", ""), sample_rate)
    if reply.content_type == EVENT_STREAM:
        told = _Told(rate)
        pieces = _event_audio(reply, told, backend)
        chunks = decoded(pieces, claimed=told.claimed, sample_rate=rate, backend=backend)
        async with aclosing(chunks):
            async for chunk in chunks:
                yield _at(chunk, told)
        if told.usage is not None:
            yield AudioChunk(np.zeros(0, np.float32), told.sample_rate, usage=told.usage)
        return
    chunks = decoded(reply.pieces(), claimed=reply.content_type, sample_rate=rate, backend=backend)
    async with aclosing(chunks):
        async for chunk in chunks:
            yield chunk


async def captioned(
    reply: Reply, text: str, sample_rate: int, backend: str
) -> AsyncGenerator[AudioChunk, None]:
    """The chunks of another tts-hub's `/audio/speech/captions`: s16le and words of the text.

    Raises:
        GenerationError: broken off, or a line that tells of a failure.
    """
    complete = False
    async with aclosing(reply.pieces()) as pieces:
        async for line in json_lines(pieces, backend):
            _raise_told(line, backend)
            complete = complete or "done" in line
            words = tuple(_word(row, text, backend) for row in line.get("words", []))
            samples = from_s16le(_bytes(line.get("audio", ""), backend))
            if len(samples) or words:
                yield AudioChunk(samples, sample_rate, words)
    if not complete:
        raise GenerationError(f"the audio of {backend} ends without its last line", backend=backend)


async def kokoro_captioned(
    reply: Reply, text: str, sample_rate: int, backend: str
) -> AsyncGenerator[AudioChunk, None]:
    """The chunks of Kokoro-FastAPI's `/dev/captioned_speech`, its words brought back onto the text."""
    matcher = WordMatcher(text)
    async with aclosing(reply.pieces()) as pieces:
        async for line in json_lines(pieces, backend):
            _raise_told(line, backend)
            words: list[WordTiming] = []
            for said in line.get("timestamps") or []:
                words += matcher.said(str(said["word"]), float(said["start_time"]), float(said["end_time"]))
            samples = from_s16le(_bytes(line.get("audio", ""), backend))
            if len(samples) or words:
                yield AudioChunk(samples, sample_rate, tuple(words))
    if rest := matcher.finish():
        yield AudioChunk(np.zeros(0, np.float32), sample_rate, tuple(rest))


class _Told:
    """What events say besides the audio."""

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self.usage: Usage | None = None
        self.claimed = ""
        self.ended = False


async def _event_audio(reply: Reply, told: _Told, backend: str) -> AsyncGenerator[bytes, None]:
    async with aclosing(reply.pieces()) as pieces, aclosing(events(pieces, backend)) as found:
        async for event in found:
            kind = str(event.get("type", ""))
            if kind.endswith("error") or "error" in event:
                raise error_of(refusal_in(event), backend)
            if kind.endswith(".info"):
                told.sample_rate = int(event.get("sample_rate") or told.sample_rate)
            elif kind.endswith(".done"):
                told.ended = True
                told.usage = _usage(event.get("usage"))
            elif audio := next((event[key] for key in AUDIO_KEYS if event.get(key)), None):
                yield _bytes(audio, backend)
            elif FLOAT_KEY in event:
                yield to_s16le(np.frombuffer(_bytes(event[FLOAT_KEY], backend), "<f4").astype(np.float32))
    if not told.ended:
        raise GenerationError(f"the events of {backend} end before the last one", backend=backend)


def _at(chunk: AudioChunk, told: _Told) -> AudioChunk:
    """Raw samples are at the rate that the first event told."""
    return AudioChunk(chunk.samples, told.sample_rate) if told.sample_rate != chunk.sample_rate else chunk


def _usage(value: Any) -> Usage | None:
    if not isinstance(value, Mapping):
        return None
    counts = (value.get("input_tokens"), value.get("output_tokens"))
    text, audio = (count if isinstance(count, int) else None for count in counts)
    return Usage(text_tokens=text, audio_tokens=audio) if text is not None and audio is not None else None


def _raise_told(line: Mapping[str, Any], backend: str) -> None:
    if "error" in line or "detail" in line:
        raise error_of(refusal_in(line), backend)


def _word(row: Any, text: str, backend: str) -> WordTiming:
    try:
        begin, end = row["span"]
        return WordTiming(text[begin:end], float(row["start"]), float(row["end"]), (begin, end))
    except (TypeError, KeyError, ValueError) as exc:
        raise GenerationError(f"{backend} timed a word in an unknown way", backend=backend) from exc


def _bytes(audio: Any, backend: str) -> bytes:
    try:
        return base64.b64decode(audio, validate=True)
    except (binascii.Error, TypeError, ValueError) as exc:
        raise GenerationError(f"{backend} sent audio that is not base64", backend=backend) from exc


def _rate(content_type: str, usual: int) -> int:
    """`audio/pcm;rate=22050` and `audio/L16; rate=16000` say it; most say nothing."""
    found = RATE.search(content_type)
    return int(found[1]) if found else usual
