"""What the numbers between the nets count."""

from __future__ import annotations

SAMPLE_RATE = 24_000
"""Hz of what is spoken."""
TOKENS_PER_SECOND = 25
"""Of speech."""
FRAMES_PER_TOKEN = 2
"""Mel frames."""
CODEBOOK_SIZE = 6561
"""Speech ids below it are sound, the others start and stop."""
SILENCE = 4299
"""The speech id of silence."""
CLOSING_SILENCE = 3
"""Tokens of silence behind a segment, as upstream has them."""
