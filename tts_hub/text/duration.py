"""The rough length of speech for a text, to estimate costs and how far ahead to work."""

from __future__ import annotations

import re

CHARACTERS_PER_SECOND = 15.0
"""Characters that are spoken in one second, at speed 1."""
WIDE_CHARACTERS = 3
"""The weight of a Chinese, Japanese or Korean character: about five of them fill a second."""
_WIDE = re.compile("[\u1100-\u11ff\u2e80-\ua4cf\uac00-\ud7af\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff]")


def spoken_length(text: str) -> int:
    """The length of a text in characters, those of dense scripts counted `WIDE_CHARACTERS` times."""
    wide = len(text) - len(_WIDE.sub("", text))
    return len(text) + wide * (WIDE_CHARACTERS - 1)


def expected_seconds(text: str, *, speed: float = 1.0) -> float:
    """The likely length of the audio in seconds."""
    return spoken_length(text) / CHARACTERS_PER_SECOND / speed
