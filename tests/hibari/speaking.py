"""Short ways to speak with the engine."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from typing import Any

import numpy as np
from tts_hub_hibari import HibariBackend

from tts_hub.types import AudioChunk, SegmentRequest

RATE = 24_000


async def request_of(backend: HibariBackend, text: str, **fields: Any) -> SegmentRequest:
    voice = await backend.find_voice(fields.pop("voice", None), fields.get("language"))
    return SegmentRequest(text=text, voice=voice, model="hibari", request_id="r1", **fields)


async def spoken(backend: HibariBackend, text: str, **fields: Any) -> list[AudioChunk]:
    async with aclosing(backend.generate_stream(await request_of(backend, text, **fields))) as chunks:
        return [chunk async for chunk in chunks]


def joined(chunks: Sequence[AudioChunk]) -> np.ndarray[Any, Any]:
    return np.concatenate([chunk.samples for chunk in chunks])


def onset(samples: np.ndarray[Any, Any], share: float = 0.02) -> float:
    """Seconds until the sound begins: the level over 5 ms passes a share of its maximum."""
    level = np.sqrt(np.convolve(samples.astype(np.float64) ** 2, np.full(120, 1 / 120), "same"))
    return float(np.flatnonzero(level > share * level.max())[0]) / RATE
