"""Clips of speech for the tests of the store."""

from __future__ import annotations

from functools import cache

from tests.speechlike import speechlike_wav


@cache
def clip(seconds: float = 6.0, seed: int = 0) -> bytes:
    """A WAV file; another seed is another speaker."""
    return speechlike_wav(seconds, 24_000, seed)
