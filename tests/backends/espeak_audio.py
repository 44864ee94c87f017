"""Helpers for tests of espeak-ng, which speak a text and measure its audio."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from tts_hub_espeak import EspeakBackend

from tts_hub.types import Samples, SegmentRequest, WordTiming

RATE = 22_050


@dataclass(frozen=True, slots=True)
class Spoken:
    samples: Samples
    words: tuple[WordTiming, ...]
    chunks: int

    @property
    def seconds(self) -> float:
        return len(self.samples) / RATE

    def at(self, start: float, end: float) -> Samples:
        return self.samples[int(start * RATE) : int(end * RATE)]


async def request(
    backend: EspeakBackend, text: str, voice: str | None = None, **fields: Any
) -> SegmentRequest:
    found = await backend.find_voice(voice, None)
    return replace(SegmentRequest(text, found), **fields)


async def speak(backend: EspeakBackend, text: str, voice: str | None = None, **fields: Any) -> Spoken:
    segment = await request(backend, text, voice, **fields)
    async with aclosing(backend.generate_stream(segment)) as stream:
        chunks = [chunk async for chunk in stream]
    assert all(chunk.sample_rate == RATE and chunk.samples.dtype == np.float32 for chunk in chunks)
    words = tuple(word for chunk in chunks for word in chunk.words)
    return Spoken(np.concatenate([chunk.samples for chunk in chunks]), words, len(chunks))


def fundamental(samples: Samples) -> float:
    """Median F0 in Hz by autocorrelation over 50 ms frames that have a clear period."""
    frame, found = RATE // 20, []
    for start in range(0, len(samples) - frame, frame):
        part = samples[start : start + frame] - samples[start : start + frame].mean()
        curve = np.correlate(part, part, "full")[frame - 1 :]
        lags = slice(RATE // 400, RATE // 60)
        if curve[0] > 0.1 and curve[lags].max() > 0.5 * curve[0]:
            found.append(RATE / (RATE // 400 + int(curve[lags].argmax())))
    return float(np.median(found))


def longest_silence(samples: Samples) -> float:
    """Seconds of the longest stretch below one thousandth of full scale."""
    loud = np.flatnonzero(np.abs(samples) > 1e-3)
    edges = np.concatenate([[-1], loud, [len(samples)]])
    return float(np.diff(edges).max() - 1) / RATE
