"""Another tts-hub: it answers in lines of JSON, each with audio and with words on the text as it was sent."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from tts_hub.errors import GenerationError
from tts_hub.types import AudioChunk, SegmentRequest, WordTiming
from tts_hub_remote.connection import Reply
from tts_hub_remote.decoding import from_base64, from_s16le
from tts_hub_remote.failures import raise_error_in
from tts_hub_remote.lines import json_lines
from tts_hub_remote.openai.dialects.dialect import SPEECH_PATH, Dialect
from tts_hub_remote.openai.models import ModelList
from tts_hub_remote.openai.settings import DialectName

SERVER = "tts-hub"
"""Beginning of the name that a tts-hub gives itself in its list of models."""


@dataclass(frozen=True, slots=True)
class HubDialect(Dialect):
    """Another tts-hub, which takes all that this one takes."""

    name: DialectName = "hub"
    usual_model: str = "auto"
    chooses_voice: bool = True
    has_captions: bool = True
    has_speed: bool = True
    ssml: bool = True
    seed: bool = True
    instructions: bool = True

    def recognises(self, listed: ModelList) -> bool:
        """Whether the server calls itself a tts-hub."""
        return listed.server.startswith(SERVER)

    def path(self, base: str) -> str:
        """The path of speech with captions."""
        return f"{SPEECH_PATH}/captions"

    def own_fields(self, request: SegmentRequest, sample_rate: int) -> dict[str, Any]:
        """The fields for sample rate, markup, language and seed."""
        own: dict[str, Any] = {"sample_rate": sample_rate}
        if request.markup != "text":
            own["markup"] = request.markup
        given = {"language": request.language, "seed": request.seed}
        return own | {name: value for name, value in given.items() if value not in {None, ""}}

    def chunks(
        self, reply: Reply, text: str, sample_rate: int, backend: str
    ) -> AsyncGenerator[AudioChunk, None]:
        """One chunk a line: s16le and words of the text."""
        return _captioned(reply, text, sample_rate, backend)


async def _captioned(
    reply: Reply, text: str, sample_rate: int, backend: str
) -> AsyncGenerator[AudioChunk, None]:
    """The chunks of an answer to `/audio/speech/captions`.

    Raises:
        GenerationError: the answer breaks off, or a line reports a failure.
    """
    complete = False
    async with aclosing(reply.pieces()) as pieces:
        async for line in json_lines(pieces, backend):
            raise_error_in(line, backend)
            complete = complete or "done" in line
            words = tuple(_word(row, text, backend) for row in line.get("words", []))
            samples = from_s16le(from_base64(line.get("audio", ""), backend))
            if len(samples) or words:
                yield AudioChunk(samples, sample_rate, words)
    if not complete:
        raise GenerationError(f"the audio of {backend} ends without its last line", backend=backend)


def _word(row: Any, text: str, backend: str) -> WordTiming:
    try:
        begin, end = row["span"]
        return WordTiming(text[begin:end], float(row["start"]), float(row["end"]), (begin, end))
    except (TypeError, KeyError, ValueError) as exc:
        raise GenerationError(f"{backend} timed a word in an unknown way", backend=backend) from exc
