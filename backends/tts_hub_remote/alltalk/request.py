"""The requests to AllTalk for one segment, and checks that the server knows what they contain."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from tts_hub.errors import GenerationError, UnsupportedLanguageError, UnsupportedOptionError, one_of, shown
from tts_hub.types import SegmentRequest
from tts_hub_remote.address import path_at
from tts_hub_remote.alltalk.status import DEFAULT_VOICE, Status
from tts_hub_remote.failures import refusal_in

_SAME = ("ar", "cs", "nl", "en", "fr", "de", "hu", "hi", "it", "ja", "ko", "pl", "pt", "ru", "es", "tr")
LANGUAGES: Mapping[str, str] = {name: name for name in _SAME} | {"zh": "zh-cn"}
"""BCP 47 tag -> AllTalk's name for the language."""
GUESS = "auto"
"""Value of `language` that lets version 2 detect it."""
MOST_CHARACTERS = 2000
SPEEDS = (0.25, 2.0)
MOST_QUERY = 6_000
"""Bytes of a query that every server and proxy takes: some limit the whole head to 8 kB."""
FLAG_OF = {"temperature": "temperature", "repetition_penalty": "repetitionpenalty", "pitch": "pitch"}
"""Option -> flag that the loaded engine must have."""
RVC_FIELDS = {
    "rvc_voice": "rvccharacter_voice_gen",
    "rvc_pitch": "rvccharacter_pitch",
    "rvc_narrator_voice": "rvcnarrator_voice_gen",
    "rvc_narrator_pitch": "rvcnarrator_pitch",
}
AUDIO_PATH = re.compile(r"/audio(cache)?/\w[\w.-]*", re.ASCII)


def language_for(tag: str, status: Status) -> str:
    """The server's name for a language.

    Raises:
        UnsupportedLanguageError: AllTalk does not speak the language, or cannot detect it.
    """
    if tag == GUESS and status.version == 2:
        return GUESS
    found = LANGUAGES.get(re.split("[-_]", tag)[0].casefold())
    if found is None:
        raise UnsupportedLanguageError(f"AllTalk does not speak {shown(tag)}; {one_of(tag, LANGUAGES)}")
    return found


def given_options(request: SegmentRequest, status: Status) -> dict[str, Any]:
    """The options that a request sets.

    Raises:
        UnsupportedOptionError: the server's version or its loaded engine does not have one of them.
    """
    given = {name: value for name, value in request.options.items() if value is not None}
    for name, value in given.items():
        is_new = name in FLAG_OF or name in RVC_FIELDS or value == "silent"
        if is_new and status.version == 1:
            raise UnsupportedOptionError(f"AllTalk of version 1 has no {name} {value}", param=name)
        if name in FLAG_OF and FLAG_OF[name] not in status.can:
            raise UnsupportedOptionError(
                f"AllTalk's engine {status.engine!r}, which is loaded, has no {name}", param=name
            )
    return given


def file_name() -> str:
    """A unique file name of letters, digits and `_`, as AllTalk requires."""
    return f"tts_hub_{uuid.uuid4().hex}"


def query_of(request: SegmentRequest, status: Status, language: str) -> dict[str, str]:
    """The fields of `GET /api/tts-generate-streaming`."""
    name = file_name() if status.version == 2 else f"{file_name()}.wav"
    return {"text": request.text, "voice": request.voice.id, "language": language, "output_file": name}


def fits_a_stream(query: Mapping[str, str]) -> bool:
    """Whether AllTalk can stream a query: it names a recording and a language, and is short enough."""
    is_complete = query["voice"].endswith(".wav") and query["language"] not in {"", GUESS}
    return is_complete and len(urlencode(query)) <= MOST_QUERY


def form_of(
    request: SegmentRequest, status: Status, language: str, options: Mapping[str, Any]
) -> dict[str, str]:
    """The fields of `POST /api/tts-generate`; version 1 requires all of the first ones."""
    voice = request.voice.id
    narrator = options.get("narrator_voice")
    form = {
        "text_input": request.text,
        "text_filtering": options.get("text_filtering", "standard"),
        "character_voice_gen": voice,
        "narrator_enabled": "true" if narrator else "false",
        "narrator_voice_gen": narrator or voice,
        "text_not_inside": options.get("text_not_inside", "character"),
        "language": language,
        "output_file_name": file_name(),
        "output_file_timestamp": "false",
        "autoplay": "false",
        "autoplay_volume": "0.5",
    }
    if voice == DEFAULT_VOICE.id:
        del form["character_voice_gen"]
    if form["narrator_voice_gen"] == DEFAULT_VOICE.id:
        del form["narrator_voice_gen"]
    if not language:
        del form["language"]
    if request.speed != 1:
        form["speed"] = f"{request.speed:g}"
    form |= {name: f"{options[name]:g}" for name in FLAG_OF if name in options}
    return form | {field: str(options[name]) for name, field in RVC_FIELDS.items() if name in options}


def openai_body_of(request: SegmentRequest, options: Mapping[str, Any]) -> dict[str, Any]:
    """The body of `POST /v1/audio/speech`, which guesses the language and takes no options.

    Raises:
        UnsupportedOptionError: the request sets an option.
    """
    for name in options:
        raise UnsupportedOptionError(f"AllTalk's OpenAI route takes no {name}", param=name)
    return {
        "model": "alltalk",  # required, and ignored
        "input": request.text,
        "voice": request.voice.id,
        "response_format": "wav",
        "speed": request.speed,
    }


def path_of_file(answer: Any, base: str, backend: str) -> str:
    """The path of the audio, to be requested at the configured address.

    The host in the answer does not count: it may be wrong, or lead to another machine.

    Raises:
        GenerationError: the answer reports a failure, or has no usable path.
    """
    fields = answer if isinstance(answer, dict) else {}
    if fields.get("status") != "generate-success":
        raise GenerationError(f"{backend} generated no audio: {refusal_in(fields).message}", backend=backend)
    try:
        path = path_at(base, str(fields.get("output_file_url")))
    except ValueError:
        path = ""
    if not AUDIO_PATH.fullmatch(path):
        raise GenerationError(f"{backend} gave no usable address of its audio", backend=backend)
    return path
