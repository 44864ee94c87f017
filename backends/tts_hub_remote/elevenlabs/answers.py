"""Answers of ElevenLabs: lines of JSON with audio in base64 and the times of its characters."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

from tts_hub.audio.pcm import silence
from tts_hub.captions.wire import json_lines
from tts_hub.types import AudioChunk, Usage
from tts_hub_remote.connection import Reply
from tts_hub_remote.decoding import decoded, from_base64
from tts_hub_remote.elevenlabs.alignment import SpokenWords, in_seconds
from tts_hub_remote.elevenlabs.refusals import ElevenLabsConnection
from tts_hub_remote.failures import refusal_in

MEDIA = {"pcm": "audio/pcm", "mp3": "audio/mpeg", "opus": "audio/ogg"}
COST_HEADERS = ("character-cost", "x-character-cost")


def rate_of(output_format: str) -> int:
    """The sample rate in Hz of an output format such as `pcm_24000`."""
    return int(output_format.split("_")[1])


async def timed_chunks(
    pieces: AsyncGenerator[bytes, None], words: SpokenWords, output_format: str, backend: str
) -> AsyncGenerator[AudioChunk, None]:
    """Chunks of the audio in `pieces` with their words; the producer of `pieces` fills `words`.

    Raises:
        GenerationError: the audio is broken.
    """
    rate = rate_of(output_format)
    claimed = MEDIA[output_format.split("_", maxsplit=1)[0]]
    seconds = 0.0
    async with aclosing(decoded(pieces, claimed=claimed, sample_rate=rate, backend=backend)) as chunks:
        async for chunk in chunks:
            rate = chunk.sample_rate
            seconds += chunk.seconds
            yield AudioChunk(chunk.samples, rate, words=words.until(seconds))
    if rest := words.finish(seconds):
        yield AudioChunk(silence(0), rate, words=rest)


async def audio_lines(
    reply: Reply, words: SpokenWords, connection: ElevenLabsConnection
) -> AsyncGenerator[bytes, None]:
    """The audio in each line of an answer; its times are added to `words`.

    Raises:
        TTSHubError: a line reports an error, is cut off, or has no audio.
    """
    async with aclosing(reply.pieces()) as pieces, aclosing(json_lines(pieces, connection.name)) as lines:
        async for line in lines:
            if "audio_base64" not in line:
                raise connection.error_for(refusal_in(line))
            words.read(in_seconds(line.get("alignment")) or in_seconds(line.get("normalized_alignment")))
            if data := from_base64(line["audio_base64"] or "", connection.name):
                yield data


def usage_in(headers: Mapping[str, str]) -> Usage | None:
    """The credits that an answer costs; None if its headers do not say it."""
    for name in COST_HEADERS:
        try:
            count = float(headers.get(name, ""))
        except ValueError:
            continue
        if math.isfinite(count) and count >= 0:
            return Usage(credits=count)
    return None


def plan_concurrency_in(headers: Mapping[str, str]) -> int | None:
    """The number of requests that the plan allows at once; None if the headers do not say it."""
    most = headers.get("maximum-concurrent-requests", "")
    return int(most) if most.isascii() and most.isdigit() and 0 < len(most) < 6 and int(most) else None
