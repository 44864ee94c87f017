"""Kokoro-FastAPI: the names of its voices, mixes of voices, and the times of the words that it reads."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from tts_hub.audio.pcm import silence
from tts_hub.captions.wire import json_lines
from tts_hub.types import AudioChunk, Gender, SegmentRequest, WordTiming
from tts_hub_remote.connection import Reply
from tts_hub_remote.decoding import from_base64, from_s16le
from tts_hub_remote.failures import raise_error_in
from tts_hub_remote.openai.dialects.dialect import Dialect
from tts_hub_remote.openai.models import ModelList
from tts_hub_remote.openai.settings import DialectName
from tts_hub_remote.words import WordMatcher

OWNER = "kokoro"
"""Owner of the models in the list of a Kokoro-FastAPI."""
LANGUAGES: Mapping[str, str] = {
    "a": "en-US",
    "b": "en-GB",
    "e": "es",
    "f": "fr",
    "h": "hi",
    "i": "it",
    "j": "ja",
    "p": "pt-BR",
    "z": "zh",
}
"""First letter of a voice's name -> BCP 47 tag."""
GENDERS: Mapping[str, Gender] = {"f": "female", "m": "male"}
"""Second letter of a voice's name -> gender."""
MIX_MARKS = frozenset("+(")
"""Characters that only the name of a mix of voices contains."""


@dataclass(frozen=True, slots=True)
class KokoroDialect(Dialect):
    """Kokoro-FastAPI."""

    name: DialectName = "kokoro"
    usual_model: str = "kokoro"
    has_captions: bool = True
    has_speed: bool = True

    def recognises(self, listed: ModelList) -> bool:
        """Whether Kokoro owns one of the models."""
        return any(model.owner == OWNER for model in listed.models)

    def takes_unlisted_voice(self, voice: str) -> bool:
        """Whether the name is a mix such as `af_bella(2)+af_sky(1)`."""
        return not MIX_MARKS.isdisjoint(voice)

    def voice_traits(self, voice: str) -> tuple[str, Gender | None] | None:
        """The language and gender in the first two letters of a name such as `bm_george`."""
        if voice[2:3] != "_":
            return None
        return LANGUAGES.get(voice[0], ""), GENDERS.get(voice[1])

    def path(self, base: str) -> str:
        """The address of speech with captions, which is not below `/v1`."""
        return base.removesuffix("/v1") + "/dev/captioned_speech"

    def own_fields(self, request: SegmentRequest, sample_rate: int) -> dict[str, Any]:
        """The field for the language, where the voice does not determine it."""
        if request.voice.language or not request.language:
            return {}
        return {"lang_code": request.language.casefold()}

    async def chunks(
        self, reply: Reply, text: str, sample_rate: int, backend: str
    ) -> AsyncGenerator[AudioChunk, None]:
        """The chunks of an answer to `/dev/captioned_speech`, whose words are matched to `text`.

        Raises:
            GenerationError: a line is cut off, or reports a failure.
        """
        matcher = WordMatcher(text)
        async with aclosing(reply.pieces()) as pieces, aclosing(json_lines(pieces, backend)) as lines:
            async for line in lines:
                raise_error_in(line, backend)
                words = tuple(_words(line, matcher))
                samples = from_s16le(from_base64(line.get("audio", ""), backend))
                if len(samples) or words:
                    yield AudioChunk(samples, sample_rate, words)
        if rest := matcher.finish():
            yield AudioChunk(silence(0), sample_rate, tuple(rest))


def _words(line: Mapping[str, Any], matcher: WordMatcher) -> Iterator[WordTiming]:
    for row in line.get("timestamps") or []:
        yield from matcher.match(str(row["word"]), float(row["start_time"]), float(row["end_time"]))
