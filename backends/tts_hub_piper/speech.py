"""One segment from text to audio, sentence by sentence. Blocking: it runs in a thread of its own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from tts_hub.errors import InvalidTextError, UnsupportedLanguageError
from tts_hub.types import AudioChunk, SegmentRequest
from tts_hub_piper.graph import Inference, Run, Scales
from tts_hub_piper.ids import ids_of
from tts_hub_piper.loaded import LoadedVoice
from tts_hub_piper.reading import Utterance
from tts_hub_piper.scripts import foreign_script
from tts_hub_piper.settings import PiperOptions
from tts_hub_piper.speed import scale_for
from tts_hub_piper.timing import WordTimer, estimated_edges, exact_edges


@dataclass(frozen=True, slots=True)
class Speaker:
    """A voice as one segment uses it."""

    voice: LoadedVoice
    number: int | None
    """The number of the speaker; None where the voice has one."""
    options: PiperOptions
    seed: int
    reports_seed: bool
    """The request named no seed: the report shall name the one that was drawn."""


@dataclass(frozen=True, slots=True)
class UnknownSymbols:
    """Symbols of the segment that the voice has not learnt and leaves out."""

    symbols: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PieceProgress:
    """The progress after a piece has been spoken, or, with piece 0, after the text has become symbols."""

    piece: int
    """Number of the piece, from 1."""
    pieces: int
    symbols: int
    """Symbols of this piece; with piece 0, symbols of the whole text."""
    audio_seconds: float
    """Seconds of audio of the segment so far."""
    real_time_factor: float | None
    """Seconds of work for a second of audio of this piece."""
    first_audio_seconds: float | None
    """Seconds from the beginning of the segment to its first audio."""


def speak(
    speaker: Speaker, request: SegmentRequest, run: Run
) -> Iterator[PieceProgress | UnknownSymbols | AudioChunk]:
    """Speak one segment; a stopped `run` ends it at the next node of the graph.

    Raises:
        GenerationError: the graph failed.
        InvalidTextError: the voice knows none of the text's symbols.
        UnsupportedLanguageError: the text is in another script, or espeak-ng does not read the language.
    """
    began = time.perf_counter()
    text = request.text
    if script := foreign_script(text, request.voice.language):
        language = request.voice.language
        message = f"the text is in {script} letters, and voice {request.voice.id!r} speaks {language}"
        raise UnsupportedLanguageError(message)
    reading = speaker.voice.reader.read(text)
    pieces = reading.utterances
    if not pieces:
        if any(map(str.isalnum, text)):
            raise InvalidTextError(f"voice {request.voice.id!r} cannot read any of the text")
        return  # only marks: the voice would invent speech
    if reading.unknown:
        yield UnknownSymbols(reading.unknown)
    yield PieceProgress(0, len(pieces), sum(len(p.symbols) for p in pieces), 0.0, None, None)
    spoken = {label for piece in pieces for label in piece.labels if label is not None}
    timer = WordTimer(text, reading.words, spoken)
    offset, first = 0.0, None
    for number, piece in enumerate(pieces, 1):
        if run.stopped:
            return
        piece_began = time.perf_counter()
        chunk = _piece(speaker, request, piece, timer, number=number, offset=offset, run=run)
        now = time.perf_counter()
        offset += chunk.seconds
        first = now - began if first is None else first
        yield chunk
        factor = (now - piece_began) / max(chunk.seconds, 1e-9)
        yield PieceProgress(number, len(pieces), len(piece.symbols), offset, factor, first)


def _piece(
    speaker: Speaker,
    request: SegmentRequest,
    piece: Utterance,
    timer: WordTimer,
    *,
    number: int,
    offset: float,
    run: Run,
) -> AudioChunk:
    """The audio of one piece, which begins `offset` seconds after the segment."""
    voice, rate = speaker.voice, speaker.voice.config.audio.sample_rate
    ids, places = ids_of(piece.symbols, voice.config)
    scales = _scales(speaker, request.speed)
    seed = (speaker.seed, request.index, number)
    made = voice.graph.infer(ids, speaker.number, scales, seed, run)
    frame = _samples_per_frame(made)
    edges = (
        exact_edges(places, made.frames, frame / rate)
        if made.frames is not None and frame
        else estimated_edges(piece.symbols, made.samples, rate)
    )
    words = timer.words(piece, edges, offset, len(made.samples) / rate)
    drawn = speaker.seed if speaker.reports_seed and voice.graph.takes_noise else None
    return AudioChunk(made.samples, rate, words, estimated_words=not frame, seed=drawn)


def _samples_per_frame(made: Inference) -> int:
    """The samples of a frame; 0 if the frames do not account for all samples."""
    total = 0 if made.frames is None else int(made.frames.sum())
    return len(made.samples) // total if total and len(made.samples) % total == 0 else 0


def _scales(speaker: Speaker, speed: float) -> Scales:
    usual, options = speaker.voice.config.inference, speaker.options
    return Scales(
        usual.noise_scale if options.noise is None else options.noise,
        scale_for(speed, usual.length_scale, speaker.voice.lengths),
        usual.noise_w if options.rhythm_noise is None else options.rhythm_noise,
    )
