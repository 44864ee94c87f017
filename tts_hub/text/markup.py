"""Pause tags in plain text: `[pause:1.5s]`, `[pause:500ms]`, `[pause:2]` (seconds), `[pause]`.

Other spellings are understood too: `[pause 1s]`, `[pause=1.5]`, `[pause: 1,5 sec]`, `[short pause]`,
`[long pause]`, `[break ...]`, and SSML's `<break time="1s"/>`. A tag with a duration that makes no sense is
refused, so that none is ever read aloud. Other tags in brackets, such as `[laugh]`, stay in the text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tts_hub.errors import InvalidTextError, shown

MAX_PAUSE_SECONDS = 60.0
USUAL_SECONDS = {"short": 0.5, "": 1.0, "long": 2.0}
"""Word before `pause` -> seconds of a pause without a duration."""


def _begun(word: str) -> str:
    """A pattern for the first letters of a word: at least one, at most all."""
    pattern = word[-1]
    for letter in reversed(word[:-1]):
        pattern = f"{letter}(?:{pattern})?"
    return pattern


# Every repetition has an upper bound, so that about 80 characters show whether there is a tag.
_BLANK = "[ \\t]{0,8}"
_OPEN = rf"\[{_BLANK}"
_SIZE = "(?:(short|long)[ \\t]{1,8})?"
_NAME = "(?:pause|break)"
_NUMBER_BEGUN = "[-+_(]?[.,]?"
_GIVEN = rf"{_BLANK}(?:[:=：]|{_NUMBER_BEGUN}[0-9])"
_REST = r"[^\[\]\n]{0,48}"
_START = re.compile(rf"{_OPEN}{_SIZE}{_NAME}(?={_BLANK}\]|{_GIVEN})", re.IGNORECASE)
_BODY = re.compile(rf"({_REST})\]")
_ELEMENT = re.compile(r"<break(?=[ \t/>])([^<>\n]{0,48})>", re.IGNORECASE)
_TIME = re.compile(r"time[ \t]*=[ \t]*[\"']?([^\"'/>]*)", re.IGNORECASE)
_TAG = re.compile(rf"{_START.pattern}{_REST}\]|{_ELEMENT.pattern}", re.IGNORECASE)
_ANY_START = re.compile(f"{_START.pattern}|{_ELEMENT.pattern}", re.IGNORECASE)
_UNFINISHED = re.compile(
    rf"{_OPEN}(?:{_begun('short')}|{_begun('long')}|{_SIZE}(?:{_begun('pause')}|{_begun('break')}"
    rf"|{_NAME}(?:{_BLANK}{_NUMBER_BEGUN}|{_GIVEN}{_REST}))?)?"
    rf"|<(?:{_begun('break')}|break[ \t/][^<>\n]{{0,47}})?",
    re.IGNORECASE,
)
_DURATION = re.compile(
    r"[:=：]?[ \t]*([0-9]+(?:\.[0-9]*|,[0-9]{1,2})?|[.,][0-9]+)[ \t]*"
    r"(?:(ms|msecs?|milliseconds?)|s|secs?|seconds?)?",
    re.IGNORECASE,
)
_MOST_SHOWN = 40


@dataclass(frozen=True, slots=True)
class PauseTag:
    """A pause tag found in a text."""

    seconds: float
    end: int
    """The index behind its closing bracket."""


def is_unfinished_pause(text: str, at: int) -> bool:
    """Whether `text` ends within what may become a pause tag, which starts with the bracket at `at`."""
    return _UNFINISHED.fullmatch(text, at) is not None


def read_pause(text: str, at: int) -> PauseTag | None:
    """The pause tag whose opening bracket is at `at`; None for any other bracket.

    Raises `InvalidTextError` where a pause tag starts but its duration is missing, wrong or too long.
    """
    element = _ELEMENT.match(text, at)
    if element is not None:
        time = _TIME.search(element[1])
        return PauseTag(_seconds(element[0], time[1] if time else None), element.end())
    start = _START.match(text, at)
    if start is None:
        return None
    body = _BODY.match(text, start.end())
    if body is None:
        raise _broken(text[at : at + _MOST_SHOWN], "has no closing bracket")
    size = (start[1] or "").lower()
    return PauseTag(_seconds(text[at : body.end()], body[1].strip() or None, size), body.end())


def check_pauses(text: str) -> None:
    """Raise `InvalidTextError` for the first broken pause tag of a whole text."""
    for start in _ANY_START.finditer(text):
        read_pause(text, start.start())


def without_pauses(text: str) -> str:
    """The text with spaces in place of its pause tags."""
    return _TAG.sub(lambda tag: " " * len(tag[0]), text)


def _seconds(tag: str, duration: str | None, size: str = "") -> float:
    if duration is None:
        return USUAL_SECONDS[size]
    given = _DURATION.fullmatch(duration.strip())
    if given is None:
        raise _broken(tag, "has a duration that cannot be read")
    seconds = float(given[1].replace(",", ".")) / (1000 if given[2] else 1)
    if seconds > MAX_PAUSE_SECONDS:
        raise _broken(tag, f"is longer than {MAX_PAUSE_SECONDS:g} s")
    return seconds


def _broken(given: str, what: str) -> InvalidTextError:
    return InvalidTextError(
        f"the pause tag {shown(given)} {what}; write for instance [pause:1.5s], [pause:500ms] or [pause], "
        f"at most {MAX_PAUSE_SECONDS:g} s"
    )
