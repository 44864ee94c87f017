"""The values that travel between faces, manager and engines. All are frozen; none does any work."""

from __future__ import annotations

from collections.abc import AsyncIterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Annotated, Final, Literal, TypedDict

import numpy as np
from annotated_types import Interval, MaxLen, MinLen
from numpy.typing import NDArray

from tts_hub.audio.limits import SPEECH_RATES, SPEEDS

Samples = NDArray[np.float32]
Markup = Literal["text", "ssml"]
Gender = Literal["female", "male", "neutral"]
FinishReason = Literal["stop", "length"]
"""Why an engine ended a segment: it had said it all, or it reached its limit and the rest may be missing."""
RetakeReason = Literal["endless", "too_short", "repetition", "silence"]
"""What was wrong with a take that an engine gave up: it did not end, words were missing, it
repeated itself, or it was silent in the middle."""
NO_OPTIONS: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class WordTiming:
    """One spoken word, in terms of the text that the user wrote."""

    text: str
    """The word exactly as it stands in the text: `source[span[0]:span[1]]`."""
    start: float
    """Seconds from the start of the audio (in an `AudioChunk` of a backend: of the segment's audio)."""
    end: float
    """Seconds, at least `start`."""
    span: tuple[int, int]
    """Characters `[start, end)` of the text (from a backend: of the segment's text)."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a service says it counted for one segment; None where it did not say."""

    characters: int | None = None
    text_tokens: int | None = None
    """Instructions included."""
    audio_tokens: int | None = None
    credits: float | None = None


@dataclass(frozen=True, slots=True)
class AudioChunk:
    """A piece of audio, and the words whose timing became known with it."""

    samples: Samples
    """Shape (T,), mono float32 in [-1, 1]; from an engine, single peaks may lie beyond, up to `HEADROOM`."""
    sample_rate: int
    """Hz."""
    words: tuple[WordTiming, ...] = ()
    """May point into this chunk or into earlier ones; each word is reported once, in order."""
    estimated_words: bool = False
    """The times of `words` are an estimate: the engine does not report them."""
    finish_reason: FinishReason | None = None
    """With the last chunk of a segment, from engines with a limit."""
    retakes: tuple[RetakeReason, ...] = ()
    """Why earlier takes of the segment were given up, each reported once. A chunk without samples may carry
    it, also before an error: all takes were bad."""
    seed: int | None = None
    """The one that the engine drew for the whole request, as it named none; with any chunk of a segment."""
    usage: Usage | None = None
    """With any chunk of a segment, usually the last, which may have no samples; of several the last one."""

    @property
    def seconds(self) -> float:
        """Length of the audio in seconds."""
        return len(self.samples) / self.sample_rate


@dataclass(frozen=True, slots=True)
class VoiceSample:
    """A recording of a voice, for engines that clone."""

    hash: str
    """SHA-256 of the file in hexadecimal: the same hash is the same sound."""
    path: str
    """A file that `clips.decoding` reads."""
    seconds: float
    transcript: str = ""
    """What is said in it; empty: not known."""


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice that an engine offers, or one to clone."""

    id: str
    """What a request names."""
    name: str
    """What a person reads."""
    language: str
    """BCP 47 tag, for instance `en-US`; empty for a voice that speaks any language."""
    gender: Gender | None = None
    description: str = ""
    aliases: tuple[str, ...] = ()
    """Other ids under which the voice answers."""
    variants: tuple[str, ...] = ()
    """Suffixes that make further voices of this one, as in `en-us+f3`."""
    samples: tuple[VoiceSample, ...] = ()
    """Recordings of a voice to clone, the best one first. Only engines with `cloning` get such a voice."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an engine can do. The hub makes up for what it cannot."""

    streaming: bool = True
    """Audio of a segment leaves before the whole segment is made."""
    word_timings: bool = False
    """Chunks carry exact word timings."""
    ssml: bool = False
    cloning: bool = False
    """Speaks with voices that are given as `Voice.samples`."""
    clip_seconds: float = 0.0
    """Seconds that a sample must be longer than, where it clones."""
    seed: bool = False
    instructions: bool = False
    remote: bool = False
    """The text leaves this machine."""
    normalises: bool = False
    """Reads signs, sums, ranges and emoji well by itself. The hub then only folds styled letters and digits;
    for other engines it puts into words what they would misread."""
    languages: tuple[str, ...] = ()
    """BCP 47 tags it speaks; empty when it does not say."""
    speed_range: tuple[float, float] = (1.0, 1.0)
    """Native speed factors; beyond them the hub stretches the audio, pitch kept."""
    max_chars: int | None = None
    """Longest segment it speaks well, in characters."""
    first_chars: int | None = None
    """Longest first piece of a request, in characters, where it gives no audio before a piece is finished;
    None: what is configured for all such engines."""
    concurrency: int = 1
    """Segments it generates at the same time."""
    watermark: bool = False
    """The audio carries an inaudible mark that says it is synthetic."""
    suspendable: int = 0
    """Segments that may wait half made besides, while others are generated."""
    ahead_seconds: float = 0.0
    """Audio of one request that it makes best at a time, where that is more than `limits.buffer_seconds`: an
    engine that speaks sentences together reads its weights once for all of them."""
    loudness_lufs: float | None = None
    """Typical loudness of its raw output (ITU-R BS.1770); None when not known."""


@dataclass(frozen=True, slots=True)
class Availability:
    """Whether an engine can run now, and if not, why and what fixes it."""

    ready: bool
    reason: str = ""
    remedy: str = ""
    """A command to type, or empty."""
    internal: bool = False
    """`reason` is what plugin code raised: for those who run the hub, not for its clients."""


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """The files of a model that its engine can fetch."""

    model: str
    """What a request names."""
    source: str
    """Where they come from, for people to read."""
    folder: str
    """Where they are, or will be."""
    size: int | None = None
    """Bytes of all of them; None when not known."""
    missing: tuple[str, ...] = ()
    """Names of those that are not here, or not whole; empty: the model can be loaded."""
    variant: str = ""
    """Which form of the model, such as `fp16`, where it has several: one of them is enough."""


class _Sign(str):
    """An empty piece of text that carries a sign to the reader of the text."""

    __slots__ = ()


FLUSH: Final[str] = _Sign()
"""Yield it from a text that is still being written to have the rest of it spoken at once."""
PAUSED: Final[str] = _Sign()
"""The writer has paused: a sentence that looks complete is spoken now."""


AUTO: Final = "auto"
"""The model name that stands for the best engine that is ready."""
FormatName = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]
Name = Annotated[str, MinLen(1)]
Speed = Annotated[float, Interval(ge=SPEEDS[0], le=SPEEDS[1])]
"""How much faster than usual, pitch kept."""
SampleRate = Annotated[int, Interval(ge=SPEECH_RATES[0], le=SPEECH_RATES[-1])]
"""Sample rate of the audio in Hz."""
Seed = Annotated[int, Interval(ge=0, le=2**64 - 1)]
Instructions = Annotated[str, MaxLen(4096)]
FallbackModels = Annotated[Sequence[str], MaxLen(16)]
"""Models that continue where a failed one stopped, in order."""
RequestId = Annotated[str, MinLen(1), MaxLen(64)]


@dataclass(frozen=True, slots=True)
class SpeechRequest:
    """What a face asks the manager for. `None` means: the configured default.

    The types of its fields carry their limits: the library, the server and the studio take them from here.
    """

    input: str | AsyncIterable[str]
    """The text, whole or as it is being written."""
    model: str | None = None
    """A model name, an alias, or `auto` for the best engine that can run now."""
    voice: Name | None = None
    """A voice of the engine or of the store, also with an emotion behind a colon: `sarah:excited`."""
    emotion: Name | None = None
    """An emotion profile of the store."""
    emotion_settings: Mapping[str, object] = field(default_factory=lambda: NO_OPTIONS)
    """Settings of an `EmotionSettings`, without a profile or over those of it: `{"style": "happy"}`."""
    language: Name | None = None
    """BCP 47 tag."""
    speed: Speed = 1.0
    """Pitch is kept."""
    response_format: str | None = None
    """mp3, opus, aac, flac, wav or pcm."""
    sample_rate: SampleRate | None = None
    """Sample rate of the audio in Hz."""
    markup: Markup = "text"
    """`ssml` hands the whole document to an engine that understands it."""
    instructions: Instructions | None = None
    """How to speak, for engines that take instructions."""
    seed: Seed | None = None
    """The same seed gives the same speech, where an engine draws at random."""
    fallback: FallbackModels | None = None
    """Models that continue where a failed one stopped, in order."""
    options: Mapping[str, object] = field(default_factory=lambda: NO_OPTIONS)
    """The engine's own options, checked against its `Options` model."""
    request_id: RequestId | None = None
    """What progress, report and logs call it; made up when None."""


class RequestFields(TypedDict, total=False):
    """The fields of a `SpeechRequest` besides its input, as keyword arguments."""

    model: str | None
    voice: Name | None
    emotion: Name | None
    emotion_settings: Mapping[str, object]
    language: Name | None
    speed: Speed
    response_format: str | None
    sample_rate: SampleRate | None
    markup: Markup
    instructions: Instructions | None
    seed: Seed | None
    fallback: FallbackModels | None
    options: Mapping[str, object]
    request_id: RequestId | None


@dataclass(frozen=True, slots=True)
class SegmentRequest:
    """One piece of a request, as an engine gets it: every name resolved, every value checked."""

    text: str
    """What to speak; never empty. Of plain text it is the spoken form, to which word timings refer."""
    voice: Voice
    model: str = ""
    """Which of the engine's models."""
    language: str = ""
    """BCP 47 tag, or empty for the voice's own."""
    speed: float = 1.0
    """Within the engine's `speed_range`."""
    markup: Markup = "text"
    instructions: str | None = None
    seed: int | None = None
    options: Mapping[str, object] = field(default_factory=lambda: NO_OPTIONS)
    """Validated values of the engine's `Options` model, defaults included."""
    index: int = 0
    """Number of the segment within its request, from 0."""
    request_id: str = ""
    previous_text: str = ""
    """The segment before this one, in its spoken form, for engines that keep the tone."""
    incoming: bool = False
    """The text of the request is being written while it is spoken."""
