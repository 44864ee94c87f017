"""Pause tags in plain text: `[pause:1.5s]`, `[pause:500ms]`, `[pause:2]` (seconds).

Other tags in brackets, such as `[laugh]`, are not ours: they stay in the text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tts_hub.errors import InvalidTextError, shown

MAX_PAUSE_SECONDS = 60.0

# Every repetition has an upper bound, so that a tag is decided within some 70 characters.
_START = re.compile(r"\[[ \t]{0,8}pause[ \t]{0,8}:", re.IGNORECASE)
_BODY = re.compile(r"([^\[\]\n]{0,48})\]")
_UNFINISHED = re.compile(
    r"\[[ \t]{0,8}(?:p(?:a(?:u(?:s(?:e[ \t]{0,8}(?::[^\[\]\n]{0,48})?)?)?)?)?)?", re.IGNORECASE
)
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)[ \t]*(ms|s)?", re.IGNORECASE)
_MOST_SHOWN = 40


@dataclass(frozen=True, slots=True)
class PauseTag:
    """A pause tag found in a text."""

    seconds: float
    end: int
    """Index behind its closing bracket."""


def is_unfinished_pause(text: str, at: int) -> bool:
    """Whether `text` ends within what may become a pause tag, which starts with the bracket at `at`."""
    return _UNFINISHED.fullmatch(text, at) is not None


def read_pause(text: str, at: int) -> PauseTag | None:
    """The pause tag whose opening bracket is at `at`; None for any other bracket.

    Raises `InvalidTextError` where a pause tag starts but its duration is missing, wrong or too long.
    """
    start = _START.match(text, at)
    if start is None:
        return None
    body = _BODY.match(text, start.end())
    if body is None:
        raise _broken(text[at : at + _MOST_SHOWN], "has no closing bracket")
    given = text[at : body.end()]
    duration = _DURATION.fullmatch(body[1].strip())
    if duration is None:
        raise _broken(given, "has no duration that can be read")
    seconds = float(duration[1]) / (1000 if (duration[2] or "").lower() == "ms" else 1)
    if seconds > MAX_PAUSE_SECONDS:
        raise _broken(given, f"is longer than {MAX_PAUSE_SECONDS:g} s")
    return PauseTag(seconds, body.end())


def check_pauses(text: str) -> None:
    """Raise `InvalidTextError` for the first broken pause tag of a whole text."""
    if "[" in text:
        for start in _START.finditer(text):
            read_pause(text, start.start())


def _broken(given: str, what: str) -> InvalidTextError:
    return InvalidTextError(
        f"the pause tag {shown(given)} {what}; write for instance [pause:1.5s] or [pause:500ms], "
        f"at most {MAX_PAUSE_SECONDS:g} s"
    )
