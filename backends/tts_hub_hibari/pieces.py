"""A long text in pieces that the model can speak at once."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tts_hub.text.phonemes.transcription import Transcription

CUTS = tuple(re.compile(pattern) for pattern in (r"[.!?…][”\")]* ", r"[,;:—][”\")]* ", " "))
"""Ends of pieces: behind a sentence, behind a clause, behind a word, the best first."""


def pieces_of(spoken: Transcription, most: int) -> Iterator[Transcription]:
    """The text in pieces of at most `most` symbols, without spaces around them."""
    start, phonemes = 0, spoken.phonemes.rstrip()
    while start < len(phonemes):
        end = len(phonemes) if len(phonemes) - start <= most else _cut(phonemes, start, start + most)
        yield spoken[start : start + len(phonemes[start:end].rstrip())]
        start = end


def _cut(phonemes: str, start: int, limit: int) -> int:
    """Where a piece ends: as late as possible, but not in the first half of what fits."""
    for pattern in CUTS:
        ends = [found.end() for found in pattern.finditer(phonemes, (start + limit) // 2, limit + 1)]
        if ends:
            return ends[-1]
    return limit
