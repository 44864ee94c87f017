"""Answers with captions: lines of JSON, each with audio in base64 and the words that belong to it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import aclosing
from typing import Any

from tts_hub.types import AudioChunk, WordTiming
from tts_hub_remote.connection import Reply
from tts_hub_remote.decoding import from_base64, from_s16le
from tts_hub_remote.failures import raise_error_in
from tts_hub_remote.lines import json_lines

WordsOf = Callable[[Mapping[str, Any]], Iterable[WordTiming]]
"""Function that returns the words in a line."""


async def captioned_chunks(
    reply: Reply, words_of: WordsOf, sample_rate: int, backend: str
) -> AsyncGenerator[AudioChunk, None]:
    """One chunk for each line with audio (s16le at `sample_rate` in Hz) or words.

    Raises:
        GenerationError: a line is cut off, or reports a failure.
    """
    async with aclosing(reply.pieces()) as pieces:
        async for line in json_lines(pieces, backend):
            raise_error_in(line, backend)
            words = tuple(words_of(line))
            samples = from_s16le(from_base64(line.get("audio", ""), backend))
            if len(samples) or words:
                yield AudioChunk(samples, sample_rate, words)
