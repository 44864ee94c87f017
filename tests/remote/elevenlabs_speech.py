"""The audio of the fake ElevenLabs, and the times of its characters."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.remote.serving import SECONDS_PER_CHARACTER, encoded, tone

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
Timed = tuple[str, float, float]
"""(character, start, end) in seconds."""


@dataclass(frozen=True, slots=True)
class Format:
    """The parts of an `output_format`: `mp3_44100_128` is 128 kbit/s at 44,100 Hz."""

    codec: str
    rate: int
    kbps: int = 0


def parsed_format(name: str) -> Format | None:
    """The parts of a format's name; None for a name that the stream endpoints do not know."""
    found = re.fullmatch(r"(mp3|opus|pcm|ulaw|alaw)_(\d+)(?:_(\d+))?", name)
    return Format(found[1], int(found[2]), int(found[3] or 0)) if found else None


def audio_of(text: str, pitch: float, speed: float, wanted: Format) -> bytes:
    """The whole file of a text; raw samples are s16le."""
    samples = tone(text, pitch / speed, round(wanted.rate / speed))
    return encoded(samples, wanted.codec, wanted.rate)


def times_of(text: str, speed: float = 1.0) -> list[Timed]:
    """The characters of the text."""
    each = SECONDS_PER_CHARACTER / speed
    return [(character, n * each, (n + 1) * each) for n, character in enumerate(text)]


def normalised(times: Sequence[Timed]) -> list[Timed]:
    """The characters of the normalised text: digits are words, letters are in lower case."""
    said: list[Timed] = []
    for character, start, end in times:
        spelled = f" {DIGITS[int(character)]} " if character.isascii() and character.isdigit() else character
        each = (end - start) / len(spelled)
        said += [(c.lower(), start + n * each, start + (n + 1) * each) for n, c in enumerate(spelled)]
    return said


def in_seconds(times: Sequence[Timed]) -> dict[str, Any]:
    """The alignment in the shape of the HTTP endpoints."""
    return {
        "characters": [character for character, _, _ in times],
        "character_start_times_seconds": [round(start, 3) for _, start, _ in times],
        "character_end_times_seconds": [round(end, 3) for _, _, end in times],
    }


def in_milliseconds(times: Sequence[Timed], since: float, durations_key: str) -> dict[str, Any]:
    """The alignment in the shape of the websocket, with times since the beginning of the chunk."""
    return {
        "chars": [character for character, _, _ in times],
        "charStartTimesMs": [round((start - since) * 1000) for _, start, _ in times],
        durations_key: [round((end - start) * 1000) for _, start, end in times],
    }
