"""One engine's work on one segment, and the audio of it that waits for the reader."""

from __future__ import annotations

from collections import deque
from enum import Enum, auto

import anyio
import numpy as np

from tts_hub.errors import TTSHubError
from tts_hub.request.prepared_engine import PreparedEngine
from tts_hub.request.route import Candidate
from tts_hub.types import AudioChunk

AT_ONCE = 0.5
"""Seconds of audio that the reader gets in one chunk when they are there."""


class AttemptState(Enum):
    """The life of an attempt: preparing, generating and suspended in turns, then one of the last three."""

    PREPARING = auto()
    """The engine is being loaded, or the segment waits for a slot."""
    GENERATING = auto()
    """The engine is at work; only in this state can it stall."""
    SUSPENDED = auto()
    """The engine waits half way: for the reader, or for a slot that it gave to another request."""
    ENDED = auto()
    """All audio of the segment is here."""
    FAILED = auto()
    """`error` says why."""
    CANCELLED = auto()
    """Another engine speaks the segment, or the request has ended."""


OVER = frozenset([AttemptState.ENDED, AttemptState.FAILED, AttemptState.CANCELLED])


class Attempt:
    """One engine's work on one segment."""

    def __init__(self, candidate: Candidate) -> None:
        self.candidate = candidate
        self.state = AttemptState.PREPARING
        self.error: TTSHubError | None = None
        """Set in the state `FAILED`."""
        self.engine: PreparedEngine | None = None
        """Set once the engine is prepared, which is before the first chunk."""
        self.scope = anyio.CancelScope()
        """The engine's work runs inside."""
        self.unread_seconds = 0.0
        """Seconds of audio that have not been read."""
        self.seconds_this_turn = 0.0
        """Seconds of audio since it last got a slot."""
        self._chunks: deque[AudioChunk] = deque()
        self._last_sign = 0.0

    @property
    def is_over(self) -> bool:
        """Its audio grows no more. A failed or cancelled engine may still be at work until its task ends."""
        return self.state in OVER

    @property
    def silent_since(self) -> float | None:
        """When the engine last gave a sign of life, on the loop's clock; None unless it is generating."""
        return self._last_sign if self.state is AttemptState.GENERATING else None

    @property
    def has_chunks(self) -> bool:
        """There is audio to read."""
        return bool(self._chunks)

    def begin(self) -> None:
        """Note that the engine starts to generate, or continues after it was suspended."""
        self._change(AttemptState.GENERATING)
        self.seconds_this_turn = 0.0
        self._last_sign = anyio.current_time()

    def suspend(self) -> None:
        """Note that the engine is made to wait."""
        self._change(AttemptState.SUSPENDED)

    def end(self) -> None:
        """Note that the engine has given all of the segment."""
        self._change(AttemptState.ENDED)

    def fail(self, error: TTSHubError) -> None:
        """Note that the engine failed; the chunks that it gave before can still be read."""
        if not self.is_over:
            self.error = error
        self._change(AttemptState.FAILED)

    def give_up(self, error: TTSHubError) -> None:
        """Count the engine as failed, and stop it."""
        self.fail(error)
        self.scope.cancel()

    def cancel(self) -> None:
        """Stop the engine; what it gave is of no use any more."""
        self._change(AttemptState.CANCELLED)
        self.scope.cancel()

    def note_sign_of_life(self) -> None:
        """Note that the engine has reported something: it is slow, not stalled."""
        self._last_sign = anyio.current_time()

    def put(self, chunk: AudioChunk) -> None:
        """Keep a chunk for the reader; one with nothing in it is dropped, and is no sign of life."""
        notes = (chunk.finish_reason, chunk.seed, chunk.usage)
        if not (len(chunk.samples) or chunk.words or chunk.retakes) and notes == (None, None, None):
            return
        self.note_sign_of_life()
        self.unread_seconds += chunk.seconds
        self.seconds_this_turn += chunk.seconds
        self._chunks.append(chunk)

    def read(self) -> AudioChunk:
        """The next chunks in one, up to `AT_ONCE`: a reader who is behind has less work with fewer chunks."""
        read = [self._chunks.popleft()]
        seconds = read[0].seconds
        while self._chunks and seconds < AT_ONCE and self._chunks[0].sample_rate == read[0].sample_rate:
            read.append(self._chunks.popleft())
            seconds += read[-1].seconds
        self.unread_seconds -= seconds
        return _merged(read)

    def _change(self, state: AttemptState) -> None:
        """An attempt that is over stays as it is: a failure may come while it is being cancelled."""
        if not self.is_over:
            self.state = state


def _merged(chunks: list[AudioChunk]) -> AudioChunk:
    if len(chunks) == 1:
        return chunks[0]
    return AudioChunk(
        np.concatenate([chunk.samples for chunk in chunks]),
        chunks[0].sample_rate,
        words=tuple(word for chunk in chunks for word in chunk.words),
        finish_reason=next((c.finish_reason for c in reversed(chunks) if c.finish_reason), None),
        estimated_words=any(chunk.estimated_words for chunk in chunks),
        retakes=tuple(reason for chunk in chunks for reason in chunk.retakes),
        seed=next((chunk.seed for chunk in chunks if chunk.seed is not None), None),
        usage=next((chunk.usage for chunk in reversed(chunks) if chunk.usage is not None), None),
    )
