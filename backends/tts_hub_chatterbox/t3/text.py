"""The text of a segment in the form that T3 reads best."""

from __future__ import annotations

import re

ENDS = (".", "!", "?", "-", ",")
VERY_SHORT = 12
"""The most letters and digits of a text that is padded; "Hello world." has ten."""
REST = " ..."
CLOCK = re.compile(
    r"(?<![\d:.,])(?P<hour>[01]?\d|2[0-4]):(?P<minute>[0-5]\d)(?![\d:])(?P<half>(?= ?[ap]\.?m\b))?", re.I
)
COLON = re.compile(r"(?<=\d):(?=\d)")
RARE = str.maketrans({"…": ", ", ":": ",", "—": "-", "–": "-", "“": '"', "”": '"', "‘": "'", "’": "'"})


def clean(text: str) -> str:
    """Rewrite a text as the model knows it: plain quotes and dashes, single spaces, an end.

    A text without a word becomes ".", which the caller must refuse.
    """
    capital = text[:1].upper() + text[1:] if text[:1].islower() else text
    spaced = " ".join(capital.split())
    plain = spaced.translate(RARE).replace(" ,", ",").rstrip(" ")
    return plain if plain.endswith(ENDS) else plain + "."


def without_colons(text: str) -> str:
    """Write times as they are said, and remove colons between other digits.

    `clean` makes a comma of every colon, so `9:30` would be `9,30`, which is said as a number or with a
    pause. `9 30` is said as the time, `9:05` needs its "oh", and full hours need no minutes.
    """
    return COLON.sub(" ", CLOCK.sub(_spell_time, text))


def _spell_time(time: re.Match[str]) -> str:
    hour, minute = time["hour"].lstrip("0") or "0", time["minute"]
    if minute != "00":
        return f"{hour} {minute.replace('0', 'oh ', 1) if minute[0] == '0' else minute}"
    if time["half"] is not None:
        return hour
    return f"{hour} o'clock" if 1 <= int(hour) <= 12 else f"{hour} hundred hours"


def pad_short(text: str) -> str:
    """Add a rest, an ellipsis, to a cleaned text if it is very short; its words and marks stay as they are.

    "Hi!" is two tokens behind hundreds of the voice, and the model often misses its end: it continues in
    silence, says it twice, or invents words. The rest gives it a place to be silent in and to stop at, and
    the silence is trimmed like any other. A rest in front would sound like hesitation, a repeated or added
    word would be said, and rarer marks make noises of their own. A tag is a sound, so a text that has one is
    not padded.
    """
    spoken = sum(map(str.isalnum, text))
    is_long_enough = spoken > VERY_SHORT or "[" in text or text.endswith(REST.strip())
    return text if is_long_enough else text + REST
