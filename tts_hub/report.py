"""The outcome of a request in numbers, while it runs and afterwards."""

from __future__ import annotations

from dataclasses import dataclass

from tts_hub.types import RetakeReason


@dataclass(frozen=True, slots=True)
class Fallback:
    """One change of engine in the middle of a request."""

    failed: str
    """The engine that failed."""
    continued: str
    """The engine that continued."""
    only_segment: bool
    """It spoke only that segment, which the other had refused; the other continued behind it."""
    kind: str
    """`generation_failed`, `no_audio`, `engine_stalled`, `engine_unavailable` or `engine_refused`."""
    error: str
    """In the words of the engine, for the log: it may name files or hold a piece of the text."""
    segment: int
    """The segment that the second engine began with, from 0."""
    position: int
    """Where that segment begins, in characters of the text."""
    repeated_seconds: float
    """Audio of that segment that had been handed out before, and is spoken twice."""


@dataclass(frozen=True, slots=True)
class Retake:
    """One take of a segment that an engine gave up before any of it was handed out."""

    segment: int
    """The number of the segment, from 0."""
    backend: str
    """The engine."""
    reason: RetakeReason
    """`endless`, `too_short`, `repetition` or `silence`."""


@dataclass(frozen=True, slots=True)
class EngineCost:
    """What one engine took for its part of a request."""

    backend: str
    """The engine."""
    model: str
    """Which of its models, as it was asked for."""
    dollars: float
    """US dollars."""
    estimated: bool
    """Some of it by price list and text: the service did not say what it counted."""


@dataclass(frozen=True, slots=True)
class SpeechReport:
    """The outcome of one request."""

    request_id: str
    requested_model: str
    backend: str
    """The engine that spoke last."""
    model: str
    voice: str
    emotion: str
    """The emotion profile as `sarah:excited`, or its bare name if it suits any voice; empty if none."""
    language: str
    """BCP 47 tag of what was spoken: the voice's variety of the language that was wanted, such as `en-GB` for
    `en-AU`; empty where neither the request nor the engine said."""
    detected_language: str
    """BCP 47 tag of the language that the text was seen to be in, as the request named none; else empty. The
    text was read in `language` all the same where no voice speaks it, or one was asked for by name."""
    characters: int
    """Characters of text taken in."""
    segments: int
    """Segments handed out whole."""
    audio_seconds: float
    first_audio_seconds: float | None
    """From the call to the first audio; None before it."""
    elapsed_seconds: float
    """From the call to now, or to the end."""
    generation_seconds: float
    """Time in which an engine was at work."""
    queue_seconds: float
    """Time until the first turn on the engine, loading included."""
    fallbacks: tuple[Fallback, ...]
    ignored: tuple[str, ...]
    """Fields of the request, and settings of its emotion (as `emotion.style`), that the engine has no use
    for."""
    cut_segments: tuple[int, ...]
    """Segments, from 0, that the engine ended at its own limit: the end of their text may be missing."""
    estimated_segments: tuple[int, ...]
    """Segments, from 0, whose word timings are estimates: the engine does not report them."""
    retakes: tuple[Retake, ...]
    """Takes that were given up, in order; the audio has none of them."""
    seed: int | None
    """The seed with which the engine says it the same way again: the request's, or one that the engine drew.
    None if it has no seed, or no single one for all of the audio."""
    watermarked: bool
    """The engine marks its audio as synthetic."""
    cost: float
    """US dollars, for all that was sent to engines so far, handed out or not: by what they say they counted,
    else by their price, the characters of the segment and the seconds of its audio.

    A service that has begun to answer bills the whole segment. So one that broke off or was cancelled then
    counts as a whole, also where another engine speaks it again; one that was refused before any answer
    counts as nothing, and one that was cancelled while it waited for its answer as a whole."""
    cost_estimated: bool
    """Some of `cost` is an estimate: an engine did not say what it counted."""
    costs: tuple[EngineCost, ...]
    """The same for each engine and model; empty if nothing was taken."""
    complete: bool
    """Everything was spoken and handed out."""

    @property
    def real_time_factor(self) -> float | None:
        """Generation time per second of audio, below 1 is faster than speech; None without audio."""
        return self.generation_seconds / self.audio_seconds if self.audio_seconds else None
