"""Captioned speech on the wire: one JSON object a line, as the server writes it and its clients read it.

Lines of `{"audio", "words"}` come as the audio is made, lines of `{"progress"}` between them, and a line of
`{"done"}` or `{"error"}` is the last one. The download of a model is answered in the same way, without audio.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, get_args

from tts_hub.errors import GenerationError
from tts_hub.progress import ProgressEvent, Stage
from tts_hub.types import WordTiming

PROGRESS_NUMBERS = ("segment", "segments", "fraction", "audio_seconds", "elapsed_seconds")
"""Fields of a `ProgressEvent` that a line of `progress` carries under their own names."""
PROGRESS_BYTES = ("bytes", "total_bytes")
"""Its `details` that such a line carries beside them, for a download."""
LONGEST_LINE = 16_000_000
"""Bytes of one line: a minute of audio in base64 is less."""
STAGES = frozenset(get_args(Stage))


@dataclass(frozen=True, slots=True)
class AudioLine:
    """The next piece of the audio."""

    data: bytes
    """It continues the piece before it, and may end within a sample."""
    words: tuple[WordTiming, ...]
    """Times in seconds from the start of the audio, spans in characters of the whole text."""


@dataclass(frozen=True, slots=True)
class DoneLine:
    """The good end."""

    values: Mapping[str, Any]
    """Figures of the whole speech, or of the files."""


@dataclass(frozen=True, slots=True)
class ErrorLine:
    """The bad end."""

    values: Mapping[str, Any]
    """The whole line, with OpenAI's error object under `error`."""


Line = AudioLine | ProgressEvent | DoneLine | ErrorLine


def line_of(values: Mapping[str, Any]) -> bytes:
    """An object as a line."""
    return json.dumps(values, ensure_ascii=False).encode() + b"\n"


def audio_values(data: bytes, words: Sequence[WordTiming]) -> dict[str, Any]:
    """The object of an `AudioLine`."""
    return {"audio": base64.b64encode(data).decode(), "words": word_values(words)}


def word_values(words: Sequence[WordTiming]) -> list[dict[str, Any]]:
    """Words as JSON has them."""
    return [dataclasses.asdict(word) for word in words]


async def captioned_lines(pieces: AsyncIterator[bytes], backend: str) -> AsyncGenerator[Line, None]:
    """The lines of a body that arrives in `pieces`. Lines of a kind that is unknown here are left out.

    It ends with the body: where no `DoneLine` came before, the sender broke off.

    Raises:
        GenerationError: a line that is not one JSON object, or audio, words or progress of another shape.
    """
    async with aclosing(json_lines(pieces, backend)) as objects:
        async for values in objects:
            if "error" in values:
                yield ErrorLine(values)
            elif "progress" in values:
                yield _progress(values["progress"], backend)
            elif "done" in values:
                yield DoneLine(values["done"])
            elif "audio" in values:
                words = values.get("words") or ()
                yield AudioLine(_bytes(values["audio"], backend), tuple(_word(row, backend) for row in words))


async def json_lines(pieces: AsyncIterator[bytes], backend: str) -> AsyncGenerator[dict[str, Any], None]:
    """The object in each line; empty lines are skipped.

    Raises:
        GenerationError: a line holds something else, such as the half of one that was cut off.
    """
    async with aclosing(lines_of(pieces, backend)) as lines:
        async for line in lines:
            if line.strip():
                yield json_object(line, backend)


async def lines_of(pieces: AsyncIterator[bytes], backend: str) -> AsyncGenerator[bytes, None]:
    r"""Each line without its end, `\n` or `\r\n`; the last one need not have one.

    Raises:
        GenerationError: a line is longer than `LONGEST_LINE`.
    """
    parts: list[bytes] = []
    length = 0
    async for piece in pieces:
        *whole, rest = piece.split(b"\n")
        for line in whole:
            yield (b"".join(parts) + line).removesuffix(b"\r")
            parts, length = [], 0
        parts.append(rest)
        length += len(rest)
        if length > LONGEST_LINE:
            raise GenerationError(f"{backend} sent a line of more than {LONGEST_LINE} bytes", backend=backend)
    if last := b"".join(parts):
        yield last.removesuffix(b"\r")


def json_object(line: bytes, backend: str) -> dict[str, Any]:
    """The JSON object in a line.

    Raises:
        GenerationError: the line holds something else.
    """
    try:
        value = json.loads(line)
    except ValueError as exc:
        raise GenerationError(f"{backend} sent a line that is not complete JSON", backend=backend) from exc
    if not isinstance(value, dict):
        raise GenerationError(
            f"{backend} sent {type(value).__name__} where an object belongs", backend=backend
        )
    return value


def _bytes(audio: Any, backend: str) -> bytes:
    try:
        return base64.b64decode(audio, validate=True)
    except (binascii.Error, TypeError, ValueError) as exc:
        raise GenerationError(f"{backend} sent audio that is not base64", backend=backend) from exc


def _word(row: Any, backend: str) -> WordTiming:
    try:
        first, last = row["span"]
        times = float(row["start"]), float(row["end"])
        return WordTiming(str(row["text"]), *times, (int(first), int(last)))
    except (TypeError, KeyError, ValueError) as exc:
        raise GenerationError(f"{backend} timed a word in an unknown way", backend=backend) from exc


def _progress(values: Any, backend: str) -> ProgressEvent:
    try:
        stage: Stage = values["stage"] if values["stage"] in STAGES else "generating"
        numbers = {
            name: values[name] for name in PROGRESS_NUMBERS if isinstance(values.get(name), int | float)
        }
        sizes = {name: values[name] for name in PROGRESS_BYTES if name in values}
        return ProgressEvent(
            stage,
            backend=str(values.get("backend", "")),
            message=str(values.get("message", "")),
            request_id=str(values.get("request_id", "")),
            **numbers,
            details={**values.get("details", {}), **sizes},
        )
    except (TypeError, KeyError, AttributeError) as exc:
        raise GenerationError(f"{backend} reported progress in an unknown way", backend=backend) from exc
