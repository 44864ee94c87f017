"""The fixed numbers of the model Kokoro-82M."""

from __future__ import annotations

SAMPLE_RATE = 24_000
"""Samples in a second of its audio."""
FRAME_SAMPLES = 600
"""Samples in a frame of the durations that it predicts: 25 ms."""
LEAD_FRAMES = 3
"""Frames of the mark at the beginning that do not count in word timings, as in Kokoro's own pipeline."""
MOST_PHONEMES = 510
"""Symbols in one call: its positions and the styles of its voices go no further."""
STYLE_SIZE = 256
"""Numbers in the style vector of a voice."""
