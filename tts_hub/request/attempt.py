"""A segment on its way: the attempts of engines at speaking it, and what of them is unread."""

from __future__ import annotations

from collections import deque

import anyio
import numpy as np

from tts_hub.errors import TTSHubError
from tts_hub.request.route import Speaker
from tts_hub.text.segment import Segment
from tts_hub.types import AudioChunk

AT_ONCE = 0.5
"""Seconds of audio that are handed on in one piece when they are there."""


class Attempt:
    """One engine's work on one segment."""

    def __init__(self, stop_index: int) -> None:
        self.stop_index = stop_index
        """Which engine of the request's route."""
        self.speaker: Speaker | None = None
        self.scope = anyio.CancelScope()
        self.chunks: deque[AudioChunk] = deque()
        self.unread_seconds = 0.0
        self.made_seconds = 0.0
        """Since it last had a slot given to it."""
        self.announced = False
        """The reader has begun with it."""
        self.alive_at: float | None = None
        """When the engine last gave a sign of life; None while it is not at work."""
        self.ended = False
        self.error: TTSHubError | None = None

    def put(self, chunk: AudioChunk) -> None:
        """Keep a chunk for the reader; one with nothing in it is dropped, and is no sign of life."""
        notes = (chunk.finish_reason, chunk.seed, chunk.usage)
        if not (len(chunk.samples) or chunk.words or chunk.retakes) and notes == (None, None, None):
            return
        self.alive_at = anyio.current_time()
        self.unread_seconds += chunk.seconds
        self.made_seconds += chunk.seconds
        self.chunks.append(chunk)

    def take(self) -> AudioChunk:
        """What there is for the reader, up to `AT_ONCE`: a reader who is behind has less to do for it."""
        taken = [self.chunks.popleft()]
        seconds = taken[0].seconds
        while self.chunks and seconds < AT_ONCE and self.chunks[0].sample_rate == taken[0].sample_rate:
            taken.append(self.chunks.popleft())
            seconds += taken[-1].seconds
        self.unread_seconds -= seconds
        if len(taken) == 1:
            return taken[0]
        return AudioChunk(
            np.concatenate([chunk.samples for chunk in taken]),
            taken[0].sample_rate,
            words=tuple(word for chunk in taken for word in chunk.words),
            finish_reason=next((c.finish_reason for c in reversed(taken) if c.finish_reason), None),
            estimated_words=any(chunk.estimated_words for chunk in taken),
            retakes=tuple(reason for chunk in taken for reason in chunk.retakes),
            seed=next((chunk.seed for chunk in taken if chunk.seed is not None), None),
            usage=next((chunk.usage for chunk in reversed(taken) if chunk.usage is not None), None),
        )


class Take:
    """A segment, and the attempt that counts; None for a segment without words."""

    def __init__(self, segment: Segment, previous_text: str) -> None:
        self.segment = segment
        self.previous_text = previous_text
        self.attempt: Attempt | None = None

    @property
    def running(self) -> bool:
        """An engine is at work on it, or waits for its turn."""
        return self.attempt is not None and not self.attempt.ended

    @property
    def unread_seconds(self) -> float:
        """Audio that nobody has read yet."""
        return self.attempt.unread_seconds if self.attempt is not None else 0.0


class BusyClock:
    """Counts the time in which at least one of its users was inside."""

    def __init__(self) -> None:
        self._inside = 0
        self._since = 0.0
        self._total = 0.0

    @property
    def seconds(self) -> float:
        """Counted so far."""
        return self._total + (anyio.current_time() - self._since if self._inside else 0.0)

    def __enter__(self) -> None:
        if not self._inside:
            self._since = anyio.current_time()
        self._inside += 1

    def __exit__(self, *exc: object) -> None:
        self._inside -= 1
        if not self._inside:
            self._total += anyio.current_time() - self._since
