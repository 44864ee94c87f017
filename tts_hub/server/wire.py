"""Bodies of requests: OpenAI's fields and ours, with tolerance for what real clients add."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Request
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from tts_hub.audio.formats import find_format
from tts_hub.audio.limits import DEFAULT_RATE
from tts_hub.errors import TextTooLongError, UnsupportedFormatError
from tts_hub.server.hub import Hub
from tts_hub.types import FallbackModels, FormatName, Instructions, SampleRate, Seed, SpeechRequest, Speed


def _in_small_letters(value: Any) -> Any:
    return value.strip().lower() if isinstance(value, str) else value


def _usual_name(value: Any) -> Any:
    """The usual name of a format that is given by an alias, or in capitals."""
    try:
        return find_format(value).name if isinstance(value, str) else value
    except UnsupportedFormatError:
        return value  # refused later, with the list of formats


WrittenFormat = Annotated[FormatName, BeforeValidator(_usual_name)]
Markup = Annotated[Literal["text", "ssml"], BeforeValidator(_in_small_letters)]
StreamFormat = Annotated[Literal["audio", "sse"], BeforeValidator(_in_small_letters)]


def _no_truth_value(value: Any) -> Any:
    """Refuse true and false, which Pydantic would accept as 1 and 0."""
    if isinstance(value, bool):
        raise PydanticCustomError("number_expected", "Input should be a number, not true or false")
    return value


NUMBER = BeforeValidator(_no_truth_value)


class VoiceId(BaseModel):
    """OpenAI's object form of a voice."""

    model_config = ConfigDict(extra="ignore")

    id: str = Field(min_length=1)


class Fields(BaseModel):
    """Fields of a request for speech, sent by clients of many kinds. Unknown fields are ignored."""

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _leave_out_what_is_empty(cls, values: Any) -> Any:
        """Leave out null and empty texts: some clients send them for fields that are not set."""
        if isinstance(values, dict):
            return {name: value for name, value in values.items() if name == "input" or not _is_empty(value)}
        return values


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


class Utterance(Fields):
    """All fields of a speech request but its text."""

    model: str | None = Field(None, description="A model, an alias such as `tts-1`, or `auto`.")
    voice: str | VoiceId | None = Field(
        None, description='Id of a voice, or `{"id": …}`; with an emotion as `sarah:excited`.'
    )
    instructions: Instructions | None = Field(None, description="How to speak.")
    response_format: WrittenFormat | None = Field(
        None, description="Default: mp3. `ogg` and `oga` are other names of `opus`, `raw` of `pcm`."
    )
    speed: Annotated[Speed, NUMBER] = 1.0
    emotion: str | None = Field(None, description="Ours: an emotion profile, as in `sarah:excited`.")
    emotion_settings: dict[str, Any] = Field(
        default_factory=dict, description="Ours: settings of an emotion, such as `style` and `exaggeration`."
    )
    language: str | None = Field(None, description="Ours: a BCP 47 tag such as `en-GB`.")
    seed: Annotated[Seed | None, NUMBER] = Field(
        None, description="Ours: for engines that can repeat themselves."
    )
    sample_rate: Annotated[SampleRate | None, NUMBER] = Field(
        None, description=f"Ours: Hz. Default: {DEFAULT_RATE}."
    )
    fallback: FallbackModels | None = Field(
        None, description="Ours: models that continue when the engine fails."
    )
    markup: Markup = Field("text", description="Ours: whether the input is SSML.")
    options: dict[str, Any] = Field(default_factory=dict, description="Ours: options of the engine itself.")

    def request(self, text: Any, request_id: str) -> SpeechRequest:
        """The request for the manager; `text` is a string or an async iterator of strings."""
        return SpeechRequest(
            input=text,
            model=self.model or None,
            voice=(self.voice.id if isinstance(self.voice, VoiceId) else self.voice) or None,
            emotion=self.emotion or None,
            emotion_settings=self.emotion_settings,
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

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"input": "Hello from my own machine.", "model": "tts-1", "voice": "nova"}]
        }
    )

    input: str = Field(description="The text to speak.")
    stream_format: StreamFormat = "audio"
    stream: bool | None = Field(
        None,
        description="Ours, for plain audio: `false` sends one finished file, `true` what is made at once. "
        "Default: `server.stream`.",
    )


class CaptionedBody(Utterance):
    """The body of `POST /v1/audio/speech/captions`."""

    input: str = Field(description="The text to speak.")
    progress: bool = Field(False, description="Lines of `progress` as well: what stage, which segment.")


class KokoroCaptionedBody(Utterance):
    """The body of Kokoro-FastAPI's `POST /dev/captioned_speech`."""

    input: str = Field(description="The text to speak.")
    stream: bool = Field(True, description="`false` puts a finished file into one JSON object.")
    return_timestamps: bool = True
    lang_code: str | None = Field(None, description="As `language`.")


def speech_request(
    body: SpeechBody | CaptionedBody | KokoroCaptionedBody, request: Request, hub: Hub
) -> SpeechRequest:
    """The request for the manager, from a body.

    Raises:
        TextTooLongError: the text is longer than the server allows.
    """
    most = hub.settings.max_characters
    if len(body.input) > most:
        raise TextTooLongError(f"the text has {len(body.input)} characters; this server takes {most} at most")
    return body.request(body.input, request.state.request_id)
