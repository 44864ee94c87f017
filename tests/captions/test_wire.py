"""Captioned speech on the wire: what the server writes is what a client reads, however the body is cut."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_hub.captions.wire import (
    AudioLine,
    DoneLine,
    ErrorLine,
    Line,
    audio_values,
    captioned_lines,
    line_of,
)
from tts_hub.errors import GenerationError
from tts_hub.progress import ProgressEvent
from tts_hub.server.reports import progress_values
from tts_hub.types import WordTiming

pytestmark = pytest.mark.anyio

WORDS = (WordTiming("grüße\u2028x", 0.0, 0.5, (0, 7)),)
EVENT = ProgressEvent("downloading", "box", fraction=0.5, details={"bytes": 1, "total_bytes": 2})


async def pieces_of(parts: Iterable[bytes]) -> AsyncGenerator[bytes, None]:
    for part in parts:
        yield part


async def read(*parts: bytes) -> list[Line]:
    return [line async for line in captioned_lines(pieces_of(parts), "box")]


@given(cut=st.integers(0, 300))
async def test_a_client_reads_what_the_server_writes(cut: int) -> None:
    values: list[dict[str, Any]] = [
        audio_values(b"\1\2\3", WORDS),
        {"progress": progress_values(EVENT)},
        {"of a newer server": 1},
        {"done": {"seed": 7}},
    ]
    body = b"".join(map(line_of, values))
    expected = [AudioLine(b"\1\2\3", WORDS), EVENT, DoneLine({"seed": 7})]
    assert await read(body[:cut], body[cut:]) == expected


async def test_an_error_is_a_line_of_its_own() -> None:
    assert await read(b'{"error": {"message": "no"}}') == [ErrorLine({"error": {"message": "no"}})]


@pytest.mark.parametrize(
    ("line", "match"),
    [
        ({"audio": "?"}, "not base64"),
        ({"audio": "", "words": [{"text": "a"}]}, "timed a word"),
        ({"progress": 5}, "reported progress"),
        ([], "list where an object belongs"),
    ],
)
async def test_a_line_of_another_shape_is_an_error(line: object, match: str) -> None:
    with pytest.raises(GenerationError, match=match):
        await read(json.dumps(line).encode())


async def test_half_a_line_is_an_error_and_not_an_end() -> None:
    with pytest.raises(GenerationError, match="not complete JSON"):
        await read(b'{"done": {}}\n{"audio": "')


async def test_a_line_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tts_hub.captions.wire.LONGEST_LINE", 10)
    with pytest.raises(GenerationError, match="more than 10 bytes"):
        await read(b"x" * 8, b"x" * 8)
