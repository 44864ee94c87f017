"""Another tts-hub: it answers in lines of JSON, each with audio and with words on the text as it was sent."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from tts_hub.captions.wire import AudioLine, DoneLine, ErrorLine, captioned_lines
from tts_hub.errors import GenerationError
from tts_hub.types import AudioChunk, SegmentRequest
from tts_hub_remote.connection import Reply
from tts_hub_remote.decoding import from_s16le
from tts_hub_remote.failures import raise_error_in
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

    async def chunks(
        self, reply: Reply, text: str, sample_rate: int, backend: str
    ) -> AsyncGenerator[AudioChunk, None]:
        """The chunks of an answer to `/audio/speech/captions`.

        Raises:
            GenerationError: the answer breaks off, or a line reports a failure.
        """
        complete = False
        async with aclosing(reply.pieces()) as pieces, aclosing(captioned_lines(pieces, backend)) as lines:
            async for line in lines:
                if isinstance(line, ErrorLine):
                    raise_error_in(line.values, backend)
                elif isinstance(line, DoneLine):
                    complete = True
                elif isinstance(line, AudioLine) and (line.data or line.words):
                    yield AudioChunk(from_s16le(line.data), sample_rate, line.words)
        if not complete:
            raise GenerationError(f"the audio of {backend} ends without its last line", backend=backend)
