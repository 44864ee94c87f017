"""The text of a segment in the form that T3 reads best."""

from __future__ import annotations

import re

ENDS = (".", "!", "?", "-", ",")
VERY_SHORT = 12
"""Letters and digits; "Hello world." has ten, and is among the texts that go wrong."""
REST = " ..."
CLOCK = re.compile(
    r"(?<![\d:.,])(?P<hour>[01]?\d|2[0-4]):(?P<minute>[0-5]\d)(?![\d:])(?P<half>(?= ?[ap]\.?m\b))?", re.I
)
COLON = re.compile(r"(?<=\d):(?=\d)")
RARE = str.maketrans({"…": ", ", ":": ",", "—": "-", "–": "-", "“": '"', "”": '"', "‘": "'", "’": "'"})


def clean(text: str) -> str:
    """Punctuation as the model knows it: plain quotes and dashes, single spaces, a capital first, an end.

    A text without a word comes out as ".", which is for the caller to refuse.
    """
    capital = text[:1].upper() + text[1:] if text[:1].islower() else text
    spaced = " ".join(capital.split())
    plain = spaced.translate(RARE).replace(" ,", ",").rstrip(" ")
    return plain if plain.endswith(ENDS) else plain + "."


def without_colons(text: str) -> str:
    """The text with times in the words that they are said in, and no colon between other digits.

    The clean-up makes a comma of every colon, so `9:30` would be `9,30`, which is said as a number or with a
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
    """A cleaned text with a rest behind it if it is very short; its words and their marks stay as they are.

    "Hi!" is two tokens behind hundreds of the voice, and the model often misses its end: it goes on in
    silence, says it twice, or makes something up. The rest behind the last mark gives it a place to be
    silent in and to stop at, and the silence is trimmed like any other. A rest in front would be heard as
    hesitation, a repeated or added word would be said, and rarer marks get noises of their own. A tag is a
    sound, so a text that has one is left alone.
    """
    spoken = sum(map(str.isalnum, text))
    is_long_enough = spoken > VERY_SHORT or "[" in text or text.endswith(REST.strip())
    return text if is_long_enough else text + REST
