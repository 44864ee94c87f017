"""Word timings of ElevenLabs, on the text as it was written."""

from __future__ import annotations

from typing import Any

import pytest
from tts_hub_remote.elevenlabs.alignment import SpokenWords, in_milliseconds, in_seconds

from tests.remote.elevenlabs_engine import eleven, words_of
from tests.remote.elevenlabs_server import (
    Alignments,
    ElevenLabsServer,
)
from tests.remote.serving import SECONDS_PER_CHARACTER, tone
from tests.remote.speaking import EXACT, TEXT, joined, spoken

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Give me 42 apples, please!", ["Give", "me", "42", "apples", "please"]),
        ("It costs $3.50 — that's 50% off…", ["It", "costs", "$3.50", "that's", "50%", "off"]),
        ("Straße nach Zürich: «Ça va?» naïve", ["Straße", "nach", "Zürich", "Ça", "va", "naïve"]),
        ("日本語 と English", ["日", "本", "語", "と", "English"]),
        ("e\u0301te\u0301 🎉 well-known", ["e\u0301te\u0301", "well-known"]),
    ],
)
async def test_words_stand_on_the_text_as_it_was_written(
    elevenlabs: ElevenLabsServer, text: str, words: list[str]
) -> None:
    found = words_of(await spoken(eleven(elevenlabs), text))
    assert [word.text for word in found] == words
    for word in found:
        assert text[slice(*word.span)] == word.text
        assert word.start == pytest.approx(SECONDS_PER_CHARACTER * word.span[0], abs=0.002)
        assert word.end == pytest.approx(SECONDS_PER_CHARACTER * word.span[1], abs=0.002)


async def test_words_come_with_their_audio_and_not_before_it(elevenlabs: ElevenLabsServer) -> None:
    chunks = await spoken(eleven(elevenlabs))
    seconds = 0.0
    for chunk in chunks:
        seconds += chunk.seconds
        assert all(word.end <= seconds + 1e-6 for word in chunk.words)
    first = next(index for index, chunk in enumerate(chunks) if chunk.words)
    assert first < len(chunks) / 2


async def test_words_are_found_in_how_the_text_was_read(elevenlabs: ElevenLabsServer) -> None:
    elevenlabs.ways.alignments = "normalised"
    text = "Give me 42 apples, please!"
    found = words_of(await spoken(eleven(elevenlabs), text))
    assert [word.text for word in found] == ["Give", "me", "42", "apples", "please"]
    for word in found:
        assert word.start == pytest.approx(SECONDS_PER_CHARACTER * word.span[0], abs=0.05)


@pytest.mark.parametrize(("kind", "least"), [("null", 0), ("some", 3)])
async def test_audio_without_times_is_audio(
    elevenlabs: ElevenLabsServer, kind: Alignments, least: int
) -> None:
    elevenlabs.ways.alignments = kind
    chunks = await spoken(eleven(elevenlabs))
    assert joined(chunks) == pytest.approx(tone(TEXT), abs=EXACT)
    found = words_of(chunks)
    assert len(found) >= least
    assert all(TEXT[slice(*word.span)] == word.text for word in found)


@pytest.mark.parametrize(
    "broken",
    [
        None,
        3,
        {},
        {"characters": "abc"},
        {"characters": ["a"], "character_start_times_seconds": [None], "character_end_times_seconds": [1]},
        {"characters": [1], "character_start_times_seconds": [0], "character_end_times_seconds": [1]},
        {
            "characters": ["a"],
            "character_start_times_seconds": [0],
            "character_end_times_seconds": [float("nan")],
        },
        {"characters": ["a"], "character_start_times_seconds": [-1], "character_end_times_seconds": [1]},
    ],
)
def test_broken_times_are_no_times(broken: Any) -> None:
    assert in_seconds(broken) == []
    assert in_milliseconds(broken, 1.0) == []


@pytest.mark.parametrize("key", ["charDurationsMs", "charsDurationsMs"])
def test_times_of_the_websocket_begin_with_the_chunk(key: str) -> None:
    alignment = {"chars": ["a", "b"], "charStartTimesMs": [0, 100], key: [100, 50]}
    assert in_milliseconds(alignment, 2.0) == [("a", 2.0, 2.1), ("b", 2.1, pytest.approx(2.15))]


def test_words_never_overlap_and_never_leave_the_audio() -> None:
    words = SpokenWords("one two three")
    words.read([("one", 0.0, 0.55), (" ", 0.5, 0.5), ("two", 0.5, 1.0), (" ", 1.0, 1.0), ("three", 0.9, 1.4)])
    found = [*words.until(0.55), *words.until(1.0), *words.finish(1.2)]
    assert [(word.text, word.start, word.end) for word in found] == [
        ("one", 0.0, 0.55),
        ("two", 0.55, 1.0),
        ("three", 1.0, 1.2),
    ]
