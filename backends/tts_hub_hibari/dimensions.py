"""The names and fixed numbers of hibari."""

from __future__ import annotations

MODEL = "hibari"
"""Name of the engine and of its model in a request."""
SAMPLE_RATE = 24_000
"""Samples in a second of its audio."""
FRAME_SAMPLES = 600
"""Samples in a frame of the durations: 25 ms. Its spectra have two frames in that time."""
MOST_PHONEMES = 200
"""Symbols in one call, 12 seconds of audio: hibari's own API goes to 400, which takes twice the memory."""
LEAD_FRAMES = 1
"""Frames of the mark at the beginning that do not count in word timings: sound begins so much earlier."""
