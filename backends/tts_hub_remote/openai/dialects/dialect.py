"""What differs between servers with OpenAI's speech API: each kind of server is one frozen object."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

from tts_hub.cost.pricing import Price
from tts_hub.types import AudioChunk, Gender, SegmentRequest
from tts_hub_remote.connection import Reply
from tts_hub_remote.openai.answers import audio_of
from tts_hub_remote.openai.models import ModelList
from tts_hub_remote.openai.settings import DialectName

SPEECH_PATH = "/audio/speech"
SPEEDS = (0.25, 4.0)
"""Speeds that OpenAI's API allows."""
MOST_CHARACTERS = 4096
"""Characters of `input` that OpenAI's API allows."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """A kind of server. The defaults describe a server about which nothing is known."""

    name: DialectName = "plain"
    is_known: bool = False
    """Whether its models, voices and limits are known without a question to the server."""
    needs_key: bool = False
    usual_model: str = ""
    """Model for requests that name only the engine; empty: the first one that the server lists."""
    voices: tuple[str, ...] = ()
    """Names of its voices; empty: the server lists them."""
    chooses_voice: bool = False
    """Whether the server chooses the voice, by the model, where a request names none."""
    has_captions: bool = False
    """Whether it has a path of its own for audio with word timings."""
    has_speed: bool = False
    """Whether its engines are known to change their speed."""
    ssml: bool = False
    seed: bool = False
    instructions: bool = False
    """Whether one of its models follows instructions on how to speak."""
    concurrency: int = 8
    """Segments at once."""

    # --- which server it is, and what it has ---

    def recognises(self, listed: ModelList) -> bool:
        """Whether a list of models comes from such a server."""
        return False

    def price(self, model: str) -> Price | None:
        """The list price of a model; None where it is not known."""
        return None

    def max_characters(self, model: str) -> int:
        """Characters that a model takes in one request."""
        return MOST_CHARACTERS

    def takes_instructions(self, model: str) -> bool:
        """Whether a model follows instructions on how to speak."""
        return self.instructions

    def shutdown_notice(self, model: str, listed: ModelList) -> str:
        """A sentence about a model that will be shut down soon; empty for others."""
        return ""

    # --- voices ---

    def takes_unlisted_voice(self, voice: str) -> bool:
        """Whether a name means a voice although no list contains it."""
        return False

    def voice_traits(self, voice: str) -> tuple[str, Gender | None] | None:
        """(BCP 47 tag, gender) that the name of a voice says; None where it says nothing."""
        return None

    def check_voice(self, voice: str, model: str) -> None:
        """Check that a model has a voice.

        Raises:
            UnknownVoiceError: the model does not have it.
        """

    # --- a request and its answer ---

    def path(self, base: str) -> str:
        """The path behind `base`, or the whole address, of speech requests."""
        return SPEECH_PATH

    def voice_field(self, voice: str) -> object:
        """The value of the field `voice`."""
        return voice

    def own_fields(self, request: SegmentRequest, sample_rate: int) -> dict[str, Any]:
        """Fields of a request that only such a server knows; `sample_rate` in Hz is that of its pcm audio."""
        return {}

    def streams_events(self, model: str) -> bool:
        """Whether audio is requested as server-sent events, which contain what it costs."""
        return False

    def chunks(
        self, reply: Reply, text: str, sample_rate: int, backend: str
    ) -> AsyncGenerator[AudioChunk, None]:
        """The audio in an answer from `path`, with the words of `text` where there are captions."""
        return audio_of(reply, sample_rate, backend)


PLAIN = Dialect()
