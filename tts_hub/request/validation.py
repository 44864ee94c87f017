"""At the door: what was asked for becomes a `SpeechRequest` whose fields are what they claim to be."""

from __future__ import annotations

from collections.abc import AsyncIterable, Mapping
from dataclasses import fields as fields_of
from dataclasses import replace
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tts_hub.config import Config
from tts_hub.errors import InvalidRequestError, InvalidTextError, UnsupportedOptionError, one_of, shown
from tts_hub.text.check import check_text
from tts_hub.types import SPEECH_RATES, SpeechRequest

SPEEDS = (0.25, 4.0)


class _Fields(BaseModel):
    """The types and ranges of a request's fields besides its input; nothing is converted."""

    model_config = ConfigDict(extra="forbid", strict=True, arbitrary_types_allowed=True)

    model: str | None = None
    voice: str | None = Field(None, min_length=1)
    language: str | None = Field(None, min_length=1)
    speed: float = Field(1.0, ge=SPEEDS[0], le=SPEEDS[1], allow_inf_nan=False)
    response_format: str | None = None
    sample_rate: int | None = Field(None, ge=SPEECH_RATES[0], le=SPEECH_RATES[-1])
    markup: Literal["text", "ssml"] = "text"
    instructions: str | None = None
    seed: int | None = Field(None, ge=0)
    fallback: list[str] | tuple[str, ...] | None = None
    options: Mapping[str, Any] = {}
    request_id: str | None = Field(None, min_length=1, max_length=64)


def checked_request(
    request: SpeechRequest | str | AsyncIterable[str], fields: Mapping[str, Any], config: Config
) -> SpeechRequest:
    """The request with the given fields, the configured defaults filled in.

    Raises:
        InvalidRequestError: a field is unknown, of a wrong type, or out of range.
    """
    names = [field.name for field in fields_of(SpeechRequest) if field.name != "input"]
    base = {name: getattr(request, name) for name in names} if isinstance(request, SpeechRequest) else {}
    text = request.input if isinstance(request, SpeechRequest) else request
    values = _checked_fields({**base, **fields}, names)
    if isinstance(text, str):
        check_text(text, max_chars=config.text.max_characters)
    elif not isinstance(text, AsyncIterable):
        raise InvalidTextError(
            f"the text is of type {type(text).__name__}; give a str or an async iterator of str"
        )
    wanted = SpeechRequest(input=text, **values)
    return replace(
        wanted,
        model=wanted.model or config.model,
        response_format=wanted.response_format or config.audio.response_format,
        sample_rate=wanted.sample_rate or config.audio.sample_rate,
        fallback=config.fallback if wanted.fallback is None else wanted.fallback,
    )


def _checked_fields(values: dict[str, Any], names: list[str]) -> dict[str, Any]:
    if type(values.get("speed")) is int:  # True is an int too, and no speed
        values["speed"] = float(values["speed"])
    try:
        _Fields.model_validate(values)
    except ValidationError as exc:
        error = exc.errors()[0]
        name = str(error["loc"][0])
        if error["type"] == "extra_forbidden":
            raise InvalidRequestError(f"no field {shown(name)}; {one_of(name, names)}", param=name) from exc
        if name == "speed":
            message = f"speed is {shown(values['speed'])}; possible: {SPEEDS[0]:g} to {SPEEDS[1]:g}"
        else:
            message = f"{name} is {shown(error['input'])}: {error['msg'].lower()}"
        raise UnsupportedOptionError(message, param=name) from exc
    return values
