"""Checks of a request's fields, and the configured defaults for those that are not given."""

from __future__ import annotations

from collections.abc import AsyncIterable, Mapping
from dataclasses import replace
from typing import Any, get_type_hints

from pydantic import ConfigDict, ValidationError, create_model

from tts_hub.audio.limits import SPEEDS
from tts_hub.config import Config
from tts_hub.errors import InvalidRequestError, InvalidTextError, UnsupportedOptionError, one_of, shown
from tts_hub.text.check import check_text
from tts_hub.types import SpeechRequest

_KINDS = get_type_hints(SpeechRequest, include_extras=True)
_NAMES = [name for name in _KINDS if name != "input"]
_DEFINITIONS: dict[str, Any] = {name: (_KINDS[name], None) for name in _NAMES}
_Fields = create_model(
    "_Fields",
    __config__=ConfigDict(extra="forbid", strict=True, allow_inf_nan=False),
    **_DEFINITIONS,
)
"""Checks the types and limits of a request's fields besides its input; nothing is converted."""


def checked_request(
    request: SpeechRequest | str | AsyncIterable[str], fields: Mapping[str, Any], config: Config
) -> SpeechRequest:
    """The request with the given fields, the configured defaults filled in.

    Raises:
        InvalidRequestError: a field is unknown, of a wrong type, or out of range.
    """
    base = {name: getattr(request, name) for name in _NAMES} if isinstance(request, SpeechRequest) else {}
    text = request.input if isinstance(request, SpeechRequest) else request
    values = _checked_fields({**base, **fields})
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


def _checked_fields(values: dict[str, Any]) -> dict[str, Any]:
    if type(values.get("speed")) is int:  # True is an int too, and no speed
        values["speed"] = float(values["speed"])
    try:
        _Fields.model_validate(values)
    except ValidationError as exc:
        error = exc.errors()[0]
        name = str(error["loc"][0])
        if error["type"] == "extra_forbidden":
            raise InvalidRequestError(f"no field {shown(name)}; {one_of(name, _NAMES)}", param=name) from exc
        if name == "speed":
            message = f"speed is {shown(values['speed'])}; possible: {SPEEDS[0]:g} to {SPEEDS[1]:g}"
        else:
            message = f"{name} is {shown(error['input'])}: {error['msg'].lower()}"
        raise UnsupportedOptionError(message, param=name) from exc
    return values
