"""One segment as the loop gets it, and the news of it on their way to the reader."""

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
SIGN_OF_LIFE = 0.1
"""Seconds between two looks at whether the reader has gone, while there is nothing for him."""


@dataclass(frozen=True, slots=True)
class Made:
    """How far it has come."""

    stage: Stage
    """What is being done."""
    text_tokens: int
    speech_tokens: int
    seconds: float
    """Spent so far."""

    @property
    def real_time_factor(self) -> float:
        """Time spent per second of speech whose tokens are there."""
        return self.seconds * TOKENS_PER_SECOND / max(1, self.speech_tokens)


@dataclass(frozen=True, slots=True)
class Ended:
    """Nothing more will come; `error` says what went wrong, if something did."""

    error: Exception | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Speech:
    """What to say, and how."""

    request_id: str
    """Segments of one request are heard one after the other."""
    index: int
    """Of the segment in its request."""
    text: str
    """Cleaned, as the guards compare with it."""
    text_tokens: tuple[int, ...]
    voice: Conditioning
    options: SamplingOptions
    seed: int
    seed_is_told: bool
    """It was drawn here and goes into the report."""
    limit: int
    """Speech tokens."""
    news: queue.SimpleQueue[Made | AudioChunk | Ended] = field(default_factory=queue.SimpleQueue)
    """From the loop to the reader; never more than the segment's audio."""
    given_up: threading.Event = field(default_factory=threading.Event)
    """Nobody listens any more."""

    def chance(self, use: str, take: int = 0) -> torch.Generator:
        """Random numbers of the CPU for one use in one take: the same for the same seed."""
        return generator_for(self.seed, self.index, use if not take else f"{use}, take {take}")

    def produce(self, emit: Emit[Made | AudioChunk]) -> None:
        """Pass on the news to a reader who may go at any time.

        Raises:
            Stopped: by `emit`, when nobody listens any more.
        """
        began = time.monotonic()
        try:
            while True:
                try:
                    news = self.news.get(timeout=SIGN_OF_LIFE)
                except queue.Empty:
                    news = Made("waiting", len(self.text_tokens), 0, time.monotonic() - began)
                if isinstance(news, Ended):
                    if news.error is not None:
                        raise news.error
                    return
                emit(news)
        finally:
            self.given_up.set()
