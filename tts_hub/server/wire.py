"""Bodies of requests: OpenAI's fields, ours beside them, and patience with what real clients add."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Request
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from tts_hub.errors import TextTooLongError
from tts_hub.server.hub import Hub
from tts_hub.types import SPEECH_RATES, SpeechRequest

FormatName = Annotated[
    Literal["mp3", "opus", "aac", "flac", "wav", "pcm", "ogg"],
    BeforeValidator(lambda value: value.lower() if isinstance(value, str) else value),
]


def _no_truth_value(value: Any) -> Any:
    """Pydantic takes true for 1."""
    if isinstance(value, bool):
        raise PydanticCustomError("number_expected", "Input should be a number, not true or false")
    return value


NUMBER = BeforeValidator(_no_truth_value)


class VoiceId(BaseModel):
    """OpenAI's object form of a voice."""

    model_config = ConfigDict(extra="ignore")

    id: str = Field(min_length=1)


class Utterance(BaseModel):
    """How to speak: all fields of a speech request but its text. Unknown fields are ignored."""

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, values: Any) -> Any:
        """Clients that send all fields send null for those that they leave alone."""
        if isinstance(values, dict):
            return {name: value for name, value in values.items() if value is not None}
        return values

    model: str | None = Field(None, description="A model, an alias such as `tts-1`, or `auto`.")
    voice: str | VoiceId | None = Field(None, description='Id of a voice, or `{"id": …}`.')
    instructions: str | None = Field(None, max_length=4096, description="How to speak.")
    response_format: FormatName | None = Field(None, description="Default: mp3.")
    speed: Annotated[float, NUMBER] = Field(1.0, ge=0.25, le=4.0)
    language: str | None = Field(None, description="Ours: a BCP 47 tag such as `en-GB`.")
    seed: Annotated[int | None, NUMBER] = Field(
        None, ge=0, le=2**64 - 1, description="Ours: for engines that can repeat themselves."
    )
    sample_rate: Annotated[int | None, NUMBER] = Field(
        None, ge=SPEECH_RATES[0], le=SPEECH_RATES[-1], description="Ours: Hz. Default: 24000."
    )
    fallback: list[str] | None = Field(
        None, max_length=16, description="Ours: models that go on when the engine fails."
    )
    markup: Literal["text", "ssml"] = Field("text", description="Ours: whether the input is SSML.")
    options: dict[str, Any] = Field(default_factory=dict, description="Ours: options of the engine itself.")

    def request(self, text: Any, request_id: str) -> SpeechRequest:
        """The request as the manager takes it; `text` is a string or an async iterator of strings."""
        return SpeechRequest(
            input=text,
            model=self.model or None,
            voice=(self.voice.id if isinstance(self.voice, VoiceId) else self.voice) or None,
            language=self.language or None,
            speed=self.speed,
            response_format=self.response_format,
            sample_rate=self.sample_rate,
            markup=self.markup,
            instructions=self.instructions or None,
            seed=self.seed,
            fallback=self.fallback,
            options=self.options,
            request_id=request_id,
        )


class SpeechBody(Utterance):
    """The body of `POST /v1/audio/speech`."""

    input: str = Field(description="The text to speak.")
    stream_format: Literal["audio", "sse"] = "audio"


class CaptionedBody(Utterance):
    """The body of `POST /v1/audio/speech/captions`."""

    input: str = Field(description="The text to speak.")
    progress: bool = Field(False, description="Lines of `progress` as well: what stage, which segment.")


class KokoroCaptionedBody(Utterance):
    """The body of Kokoro-FastAPI's `POST /dev/captioned_speech`."""

    input: str = Field(description="The text to speak.")
    stream: bool = True
    return_timestamps: bool = True
    lang_code: str | None = Field(None, description="As `language`.")


def speech_request(
    body: SpeechBody | CaptionedBody | KokoroCaptionedBody, request: Request, hub: Hub
) -> SpeechRequest:
    """The manager's request for a body.

    Raises:
        TextTooLongError: more than the server takes.
    """
    most = hub.settings.max_characters
    if len(body.input) > most:
        raise TextTooLongError(f"the text has {len(body.input)} characters; this server takes {most} at most")
    return body.request(body.input, request.state.request_id)
