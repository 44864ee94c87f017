"""The names and fixed numbers of hibari."""

from __future__ import annotations

MODEL = "hibari"
"""Name of the engine and of its model in a request."""
SAMPLE_RATE = 24_000
"""Samples in a second of its audio."""
FRAME_SAMPLES = 300
"""Samples in a frame: 12.5 ms."""
MOST_PHONEMES = 400
"""Symbols in one call, as in hibari's own API: the model has learnt no longer sentences."""
LEAD_FRAMES = 0
"""Frames of the mark at the beginning that do not count in word timings."""
