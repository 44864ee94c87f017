"""One segment of a request as the loop gets it, and the events that go from the loop to its reader."""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import dataclass, field
from typing import Literal

import torch

from tts_hub.threads import Emit
from tts_hub.types import AudioChunk
from tts_hub_chatterbox.nets.units import TOKENS_PER_SECOND
from tts_hub_chatterbox.seeds import generator_for
from tts_hub_chatterbox.t3.sampling import SamplingOptions
from tts_hub_chatterbox.voices.conditioning import Conditioning

Stage = Literal["waiting", "speech tokens", "audio"]
POLL_SECONDS = 0.1
"""Seconds between two checks whether the reader has gone, while there are no events."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a segment has come."""

    stage: Stage
    """What is being made."""
    text_tokens: int
    speech_tokens: int
    seconds: float
    """Seconds spent so far."""

    @property
    def real_time_factor(self) -> float:
        """Seconds spent for each second of speech whose tokens are there."""
        return self.seconds * TOKENS_PER_SECOND / max(1, self.speech_tokens)


@dataclass(frozen=True, slots=True)
class Ended:
    """The last event of a segment; `error` is what went wrong, if anything did."""

    error: Exception | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """A text with the voice, the options and the seed to speak it with."""

    request_id: str
    """The request of the segment; its segments are played one after the other."""
    index: int
    """The segment's place in its request, from 0."""
    text: str
    """The cleaned text, which the guards compare the speech with."""
    text_tokens: tuple[int, ...]
    voice: Conditioning
    options: SamplingOptions
    seed: int
    reports_seed: bool
    """Whether the first chunk carries the seed: the request named none, and this one was drawn for it."""
    limit: int
    """The most speech tokens."""
    events: queue.SimpleQueue[Progress | AudioChunk | Ended] = field(default_factory=queue.SimpleQueue)
    """Filled by the loop; holds no more than the segment's audio."""
    cancelled: threading.Event = field(default_factory=threading.Event)
    """Set when the reader has gone."""

    def generator(self, use: str, take: int = 0) -> torch.Generator:
        """A generator of the CPU for one use in one take; the same seed gives the same numbers."""
        return generator_for(self.seed, self.index, use if not take else f"{use}, take {take}")

    def produce(self, emit: Emit[Progress | AudioChunk]) -> None:
        """Pass the events on to the reader, who may go at any time; blocks until the last one.

        Raises:
            Stopped: by `emit`, when the reader has gone.
            Exception: what went wrong in the loop.
        """
        began = time.monotonic()
        try:
            while True:
                try:
                    event = self.events.get(timeout=POLL_SECONDS)
                except queue.Empty:
                    event = Progress("waiting", len(self.text_tokens), 0, time.monotonic() - began)
                if isinstance(event, Ended):
                    if event.error is not None:
                        raise event.error
                    return
                emit(event)
        finally:
            self.cancelled.set()
