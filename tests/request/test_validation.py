"""Requests that are wrong: the error names the field and what is possible."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tests.speaking import drain, hub
from tts_hub import SpeechRequest
from tts_hub.errors import (
    InvalidRequestError,
    InvalidTextError,
    TextTooLongError,
    UnknownModelError,
    UnknownVoiceError,
    UnsupportedFormatError,
    UnsupportedLanguageError,
    UnsupportedOptionError,
)
from tts_hub.testing import FakeBackend

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"input": ""}, InvalidTextError, "empty"),
        ({"input": " \n\t "}, InvalidTextError, "white space"),
        ({"input": "a\0b"}, InvalidTextError, "U\\+0000"),
        ({"input": "a\ud800b"}, InvalidTextError, "surrogate"),
        ({"input": "x" * 10_000_000}, TextTooLongError, "10000000"),
        ({"input": "Hi [pause:soon] there."}, InvalidTextError, "pause"),
        ({"speed": 0.1}, UnsupportedOptionError, "0.25 to 4"),
        ({"speed": math.nan}, UnsupportedOptionError, "0.25 to 4"),
        ({"response_format": "mp9"}, UnsupportedFormatError, "did you mean 'mp3'"),
        ({"sample_rate": 12_345}, UnsupportedOptionError, "12345"),
        ({"voice": "nobody"}, UnknownVoiceError, "possible: low, mid, high"),
        ({"language": "tlh"}, UnsupportedLanguageError, "'tlh'"),
        ({"model": "nothing"}, UnknownModelError, "possible: auto, fake"),
        ({"fallback": ["nothing"]}, UnknownModelError, "possible: auto, fake"),
        ({"markup": "ssml"}, UnsupportedOptionError, "SSML"),
    ],
)
async def test_a_wrong_request_is_a_typed_error_that_lists_the_possible_values(
    fields: dict[str, Any], error: type[Exception], message: str
) -> None:
    async with hub(FakeBackend()) as manager:
        request = SpeechRequest(**({"input": "Hello.", "model": "fake"} | fields))
        with pytest.raises(error, match=message):
            await manager.stream(request)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": 5}, "model"),
        ({"voice": 5}, "voice"),
        ({"language": ""}, "language"),
        ({"speed": "fast"}, "speed"),
        ({"response_format": 5}, "response_format"),
        ({"sample_rate": 24000.0}, "sample_rate"),
        ({"sample_rate": 0}, "sample_rate"),
        ({"markup": "html"}, "markup"),
        ({"seed": "x"}, "seed"),
        ({"fallback": "espeak"}, "fallback"),
        ({"options": [1]}, "options"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_a_field_of_a_wrong_type_is_an_error_that_names_the_field(
    fields: dict[str, Any], param: str
) -> None:
    async with hub(FakeBackend()) as manager:
        with pytest.raises(InvalidRequestError) as caught:
            await manager.stream("Hello.", **fields)
        assert caught.value.param == param
        assert param in str(caught.value)


@pytest.mark.parametrize("text", [None, 5, b"bytes", ["a", "list"]])
async def test_a_text_of_a_wrong_type_is_an_error(text: Any) -> None:
    async with hub(FakeBackend()) as manager:
        with pytest.raises(InvalidTextError, match="str"):
            await manager.stream(text)


async def test_options_reach_the_engine_checked() -> None:
    async with hub(FakeBackend()) as manager:
        loud = await drain(await manager.generate("Hello.", model="fake", options={"gain": 0.8}))
        assert np.abs(loud).max() == pytest.approx(0.8, abs=0.02)
        with pytest.raises(UnsupportedOptionError, match=r"no option 'gian'; did you mean 'gain'"):
            await manager.stream("Hello.", model="fake", options={"gian": 1})
        with pytest.raises(UnsupportedOptionError, match="less than or equal to 1"):
            await manager.stream("Hello.", model="fake", options={"gain": 7})
