"""A fake engine that needs nothing and follows the script of a test: tones for voices, delays, failures."""

from __future__ import annotations

import math
import re
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import anyio
import numpy as np
from pydantic import Field

from tts_hub.audio.limits import DEFAULT_RATE
from tts_hub.backend import BackendOptions, BackendSettings, TTSBackend
from tts_hub.cost.pricing import Price
from tts_hub.emotions.lowering import NO_LOWERING, Lowering
from tts_hub.errors import BackendUnavailableError, GenerationError
from tts_hub.progress import ProgressCallback, ProgressEvent, ignore
from tts_hub.types import (
    AudioChunk,
    Availability,
    Capabilities,
    RetakeReason,
    SegmentRequest,
    Usage,
    Voice,
    WordTiming,
)

TONES: Mapping[str, float] = {"low": 200.0, "mid": 400.0, "high": 800.0}
"""Voice -> frequency of its tone in Hz, by which a test knows which voice spoke."""
HELD_STEP = 0.005
"""Seconds between two looks at whether a held engine may continue."""


class FakeOptions(BackendOptions):
    """The options of the fake engine: one, to see that options arrive."""

    gain: float = Field(0.5, gt=0, le=1, description="peak of the tone")


def tone_of(voice: Voice) -> float:
    """The frequency of a voice in Hz; a cloned one has one of its own, by its first sample."""
    if voice.samples:
        return 1_000.0 + int(voice.samples[0].hash[:3], 16) % 64 * 50.0
    return TONES[voice.id]


@dataclass(slots=True)
class FakeScript:
    """The script of the fake engine. A test may change it while the engine runs."""

    seconds_per_word: float = 0.3
    chunk_seconds: float = 0.1
    sample_rate: int = DEFAULT_RATE
    load_delay: float = 0.0
    """Seconds, as in the other delays."""
    first_chunk_delay: float = 0.0
    chunk_delay: float = 0.0
    hold_at: int | None = None
    """Chunks of a segment after which the engine waits until this is None again; 0: before the first."""
    hold_load: bool = False
    """Loading waits until this is false."""
    load_error: Exception | None = None
    fail_at: Mapping[int, int] = field(default_factory=dict)
    """Segment index -> chunks that it gives before it fails."""
    error: Exception | None = None
    """The error that it fails with; None: a `GenerationError`."""
    stall_at: int | None = None
    """Segment index at which it hangs for ever."""
    silent: bool = False
    """Give samples that are all zero."""
    mute: bool = False
    """Give no chunk at all."""
    retakes: Mapping[int, tuple[RetakeReason, ...]] = field(default_factory=dict)
    """Segment index -> takes that it reports as discarded, before the first sound or before it fails."""
    drawn_seed: int | None = None
    """The seed that it reports for a request without one."""
    usage: Mapping[int, Usage] = field(default_factory=dict)
    """Segment index -> usage that it reports behind the last audio."""
    ready: bool = True
    reason: str = "set not to be ready"
    remedy: str = ""


class FakeBackend(TTSBackend):
    """An engine that speaks each word as a tone of the voice's frequency, and records its requests."""

    name = "fake"
    description = "tones instead of speech, for tests"
    priority = -1
    Options = FakeOptions

    def __init__(
        self,
        settings: BackendSettings | None = None,
        *,
        script: FakeScript | None = None,
        name: str = "fake",
        capabilities: Capabilities | None = None,
        priority: int = -1,
        patterns: tuple[str, ...] = (),
        price: Price | None = None,
        lowering: Lowering = NO_LOWERING,
    ) -> None:
        super().__init__(settings)
        self.script = script if script is not None else FakeScript()
        played: Any = self  # one class plays many engines in a test
        played.name = name
        played.priority = priority
        played.patterns = patterns
        played.availability = lambda _settings: self._available()
        self.capabilities = capabilities or Capabilities(word_timings=True, concurrency=2, loudness_lufs=-9.0)
        played.lowering = lowering
        self.prepared: list[Voice] = []
        """Voices that were prepared, in order."""
        self.prices: Price | None = price
        """The price of every model."""
        self.loads = 0
        self.closes = 0
        self.requests: list[SegmentRequest] = []
        """All segments that were begun."""
        self.active = 0
        self.most_active = 0
        self.cancelled: list[int] = []
        """Indexes of segments that were stopped before their end."""

    def _available(self) -> Availability:
        if self.script.ready:
            return Availability(ready=True)
        return Availability(ready=False, reason=self.script.reason, remedy=self.script.remedy)

    def price(self, model: str) -> Price | None:
        """The price that the test set."""
        return self.prices

    async def load(self, on_progress: ProgressCallback = ignore) -> None:
        """Wait `load_delay` seconds, then fail with `load_error` if it is set."""
        if self.loads > self.closes:
            return
        await anyio.sleep(self.script.load_delay)
        while self.script.hold_load:
            await anyio.sleep(HELD_STEP)
        if self.script.load_error is not None:
            raise self.script.load_error
        self.loads += 1
        on_progress(ProgressEvent("loading", backend=self.name, fraction=1.0))

    async def voices(self) -> Sequence[Voice]:
        """One voice per tone."""
        return [Voice(id=name, name=name.title(), language="en-US") for name in TONES]

    async def prepare_voice(self, voice: Voice, on_progress: ProgressCallback = ignore) -> None:
        """Note the voice."""
        self.prepared.append(voice)

    async def generate_stream(
        self, request: SegmentRequest, on_progress: ProgressCallback = ignore
    ) -> AsyncGenerator[AudioChunk, None]:
        """Tones, chunk by chunk, with the scripted delays and failures."""
        if self.loads <= self.closes:
            raise BackendUnavailableError("the fake engine is not loaded", backend=self.name)
        script = self.script
        self.requests.append(request)
        self.active += 1
        self.most_active = max(self.most_active, self.active)
        ended = False
        try:
            await anyio.sleep(math.inf if script.stall_at == request.index else script.first_chunk_delay)
            if notes := self._notes(request):
                yield notes
            for number, chunk in enumerate(self._chunks(request)):
                while script.hold_at is not None and number >= script.hold_at:  # any thread may release it
                    await anyio.sleep(HELD_STEP)
                if script.fail_at.get(request.index) == number:
                    raise script.error or GenerationError(
                        f"scripted failure in segment {request.index}", backend=self.name
                    )
                yield chunk
                await anyio.sleep(script.chunk_delay)
            if usage := script.usage.get(request.index):
                yield AudioChunk(np.zeros(0, np.float32), script.sample_rate, usage=usage)
            ended = True
        finally:
            self.active -= 1
            if not ended:
                self.cancelled.append(request.index)

    async def aclose(self) -> None:
        """Count the call."""
        if self.loads > self.closes:
            self.closes += 1

    def _notes(self, request: SegmentRequest) -> AudioChunk | None:
        """A chunk without samples, which carries retakes and the seed."""
        script = self.script
        retakes = script.retakes.get(request.index, ())
        seed = script.drawn_seed if request.seed is None else None
        if not retakes and seed is None:
            return None
        return AudioChunk(np.zeros(0, np.float32), script.sample_rate, retakes=retakes, seed=seed)

    def _chunks(self, request: SegmentRequest) -> Iterator[AudioChunk]:
        script = self.script
        if script.mute:
            return
        words = [match.span() for match in re.finditer(r"\S+", request.text)]
        per_word = script.seconds_per_word / request.speed
        total = round(len(words) * per_word * script.sample_rate)
        gain = 0.0 if script.silent else float(str(request.options.get("gain", 0.5)))
        tone = gain * np.sin(2 * np.pi * tone_of(request.voice) * np.arange(total) / script.sample_rate)
        step = max(1, round(script.chunk_seconds * script.sample_rate))
        timed = 0
        for begin in range(0, total, step):
            end = min(begin + step, total)
            done = []
            while timed < len(words) and (timed + 1) * per_word * script.sample_rate <= end + 0.5:
                span = words[timed]
                done.append(
                    WordTiming(request.text[slice(*span)], timed * per_word, (timed + 1) * per_word, span)
                )
                timed += 1
            yield AudioChunk(tone[begin:end].astype(np.float32), script.sample_rate, tuple(done))
