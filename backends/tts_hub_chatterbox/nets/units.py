"""The units of the numbers that pass between the nets."""

from __future__ import annotations

SAMPLE_RATE = 24_000
"""Hz of the speech."""
TOKENS_PER_SECOND = 25
"""Speech tokens in a second of speech."""
FRAMES_PER_TOKEN = 2
"""Mel frames for each speech token."""
CODEBOOK_SIZE = 6561
"""Speech ids below it are sound; the two above it start and stop the speech."""
SILENCE = 4299
"""The speech id of silence."""
CLOSING_SILENCE = 3
"""Tokens of silence at the end of a segment, as upstream has them."""
