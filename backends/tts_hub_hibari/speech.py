"""One segment from text to audio, piece by piece. Blocking: it runs in a thread of its own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from tts_hub.errors import InvalidTextError, UnsupportedLanguageError
from tts_hub.progress import ProgressEvent, Stage
from tts_hub.text.phonemes.timing import timed_words
from tts_hub.text.phonemes.transcription import Transcription
from tts_hub.text.scripts import LATIN, foreign_script, script_name
from tts_hub.types import AudioChunk, Samples, SegmentRequest, WordTiming
from tts_hub_hibari.compact import give_back_memory
from tts_hub_hibari.dimensions import FRAME_SAMPLES, LEAD_FRAMES, MODEL, MOST_PHONEMES, SAMPLE_RATE
from tts_hub_hibari.graph import Graph, Run, tokens_of
from tts_hub_hibari.pieces import pieces_of
from tts_hub_hibari.reader import Reader
from tts_hub_hibari.tempo import model_speed

SILENCE = 2e-2
"""Share of the highest sample below which audio counts as silence."""
MOST_QUOTED = 5
"""Words of the text that a notice shows."""


@dataclass(frozen=True, slots=True)
class LoadedVoice:
    """The parts of a loaded voice that speak a segment."""

    graph: Graph
    reader: Reader


def speak(voice: LoadedVoice, request: SegmentRequest, run: Run) -> Iterator[ProgressEvent | AudioChunk]:
    """Speak one segment; a stopped `run` ends it at the next node of the graph.

    Raises:
        GenerationError: the graph failed.
        InvalidTextError: inline phonemes that the model does not know.
        UnsupportedLanguageError: the text is in another script.
    """
    began = time.perf_counter()
    spoken = _read(voice.reader, request)
    if spoken is None:
        return  # only marks: the model would invent speech
    if spoken.unread:
        yield _event("notice", request, _notice(spoken, request))
    pieces = list(pieces_of(spoken, MOST_PHONEMES))
    yield _event("generating", request, f"speaking part 1 of {len(pieces)}", 0.0, step="phonemised")
    offset = 0.0
    for number, piece in enumerate(pieces, 1):
        if run.stopped:
            return
        piece_began = time.perf_counter()
        chunk = _piece(voice, request, piece, (offset, number), run)
        took = time.perf_counter() - piece_began
        offset += chunk.seconds
        yield chunk
        yield _event(
            "generating",
            request,
            f"speaking part {number + 1} of {len(pieces)}" if number < len(pieces) else "",
            number / len(pieces),
            step="spoken",
            phonemes=len(piece.phonemes),
            audio_seconds=offset,
            real_time_factor=took / max(chunk.seconds, 1e-9),
            elapsed_seconds=time.perf_counter() - began,
        )
    give_back_memory()  # each piece needs some 50 MB for a moment


def _read(reader: Reader, request: SegmentRequest) -> Transcription | None:
    """The phonemes of the text; None if it has neither letters nor digits."""
    if script := foreign_script(request.text, LATIN):
        letters = f"the text is in {script_name(script)} letters"
        raise UnsupportedLanguageError(f"{letters}, and voice {request.voice.id!r} speaks English")
    spoken = reader.read(request.text)
    if any(label is not None for label in spoken.labels):
        return spoken
    if any(map(str.isalnum, request.text)):
        raise InvalidTextError("hibari cannot read any of the text as English")
    return None


def _piece(
    voice: LoadedVoice, request: SegmentRequest, piece: Transcription, at: tuple[float, int], run: Run
) -> AudioChunk:
    """The audio of one piece; `at` has the seconds of the segment before it, and its number."""
    graph, offset = voice.graph, at[0]
    ids = tokens_of(piece.phonemes, voice.reader.vocabulary)
    speed = 1.0 if request.speed == 1.0 else model_speed(request.speed, graph.lengths(ids, run))
    made = graph.infer(ids, speed, (request.seed or 0, request.index, at[1]), run)
    words = timed_words(
        piece,
        request.text,
        made.durations,
        made.samples,
        sample_rate=SAMPLE_RATE,
        frame_samples=FRAME_SAMPLES,
        lead_frames=LEAD_FRAMES,
        offset=offset,
    )
    words = tuple(_until_silence(word, made.samples, offset) for word in words)
    return AudioChunk(made.samples, SAMPLE_RATE, words, estimated_words=made.durations is None)


def _until_silence(word: WordTiming, samples: Samples, offset: float) -> WordTiming:
    """The word without the silence at its end: a sound before a pause has the pause in its duration."""
    first, last = (round((seconds - offset) * SAMPLE_RATE) for seconds in (word.start, word.end))
    audible = np.flatnonzero(np.abs(samples[first:last]) > SILENCE * np.abs(samples).max(initial=0.0))
    end = word.start + (audible[-1] + 1) / SAMPLE_RATE if len(audible) else word.end
    return replace(word, end=min(float(end), word.end))


def _event(
    stage: Stage, request: SegmentRequest, message: str, fraction: float | None = None, **details: object
) -> ProgressEvent:
    about = {**details, "cost": 0.0} if details else {}
    return ProgressEvent(
        stage, MODEL, message, request.request_id, request.index, fraction=fraction, details=about
    )


def _notice(spoken: Transcription, request: SegmentRequest) -> str:
    more = ", ..." if len(spoken.unread) > MOST_QUOTED else ""
    words = ", ".join(spoken.unread[:MOST_QUOTED]) + more
    return f"voice {request.voice.id} cannot read {words}: spelled or left out"
