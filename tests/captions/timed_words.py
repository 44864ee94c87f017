"""Word timings of any text, without speech."""

from __future__ import annotations

import re

from tts_hub.types import WordTiming

WORD = r"\w+(?:['’.,]\w+)*"


def timed(source: str, seconds: float = 0.3, pattern: str = WORD) -> list[WordTiming]:
    """The words of a text, one behind the other; pause tags are not spoken."""
    plain = re.sub(r"\[pause:.*?\]", lambda tag: " " * len(tag[0]), source)
    return [
        WordTiming(word[0], index * seconds, (index + 0.8) * seconds, word.span())
        for index, word in enumerate(re.finditer(pattern, plain))
    ]
