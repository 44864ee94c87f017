"""One segment from text to audio, piece by piece. Blocking: it runs in a thread of its own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from tts_hub.errors import InvalidTextError, UnsupportedLanguageError, install_command
from tts_hub.text.phonemes.timing import timed_words
from tts_hub.text.phonemes.transcription import Transcription
from tts_hub.text.scripts import foreign_script, script_name, script_of
from tts_hub.types import AudioChunk, SegmentRequest
from tts_hub_kokoro.dimensions import FRAME_SAMPLES, LEAD_FRAMES, MOST_PHONEMES, SAMPLE_RATE
from tts_hub_kokoro.graph import Graph, Run
from tts_hub_kokoro.languages import LANGUAGES, Language, language_of
from tts_hub_kokoro.phonemes import Phonemizer, pieces_of
from tts_hub_kokoro.voices import Styles


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """The parts of a loaded model that speak a segment."""

    graph: Graph
    phonemizer: Phonemizer
    styles: Styles


@dataclass(frozen=True, slots=True)
class UnreadWords:
    """Words of the segment in letters that no installed reader can read."""

    words: tuple[str, ...]
    remedy: str
    """The command that installs a reader for them; empty: there is none."""


@dataclass(frozen=True, slots=True)
class PieceProgress:
    """The progress after a piece has been spoken, or, with piece 0, after the text has become phonemes."""

    piece: int
    """Number of the piece, from 1."""
    pieces: int
    phonemes: int
    """Symbols of this piece; with piece 0, symbols of the whole text."""
    tokens: int
    """Tokens for the graph so far, with the marks around each piece."""
    audio_seconds: float
    """Seconds of audio of the segment so far."""
    real_time_factor: float | None
    """Seconds of work for a second of audio of this piece."""
    first_audio_seconds: float | None
    """Seconds from the beginning of the segment to its first audio."""


def speak(
    model: LoadedModel, request: SegmentRequest, run: Run
) -> Iterator[PieceProgress | UnreadWords | AudioChunk]:
    """Speak one segment; a stopped `run` ends it at the next node of the graph.

    Raises:
        GenerationError: the graph failed.
        InvalidTextError: inline phonemes that the model does not know.
        UnsupportedLanguageError: the reader is not installed, or the text is in another script.
    """
    began = time.perf_counter()
    language = _language(request)
    if script := foreign_script(request.text, language.scripts):
        letters = f"the text is in {script_name(script)} letters"
        raise UnsupportedLanguageError(f"{letters}, and voice {request.voice.id!r} speaks {language.tag}")
    spoken = model.phonemizer.phonemize(request.text, language)
    if not any(label is not None for label in spoken.labels):
        if any(map(str.isalnum, request.text)):
            raise InvalidTextError(f"Kokoro cannot read any of the text as {language.tag}")
        return  # only marks: the model would invent speech
    if spoken.unread:
        yield UnreadWords(spoken.unread, _remedy("".join(spoken.unread)))
    pieces = list(pieces_of(spoken, MOST_PHONEMES))
    yield PieceProgress(0, len(pieces), len(spoken.phonemes), 0, 0.0, None, None)
    offset, tokens, first = 0.0, 0, None
    for number, piece in enumerate(pieces, 1):
        if run.stopped:
            return
        piece_began = time.perf_counter()
        chunk = _piece(model, request, piece, offset, run)
        now = time.perf_counter()
        offset += chunk.seconds
        tokens += len(piece.phonemes) + 2
        first = now - began if first is None else first
        yield chunk
        factor = (now - piece_began) / max(chunk.seconds, 1e-9)
        yield PieceProgress(number, len(pieces), len(piece.phonemes), tokens, offset, factor, first)


def _piece(
    model: LoadedModel, request: SegmentRequest, piece: Transcription, offset: float, run: Run
) -> AudioChunk:
    """The audio of one piece, which begins `offset` seconds after the segment."""
    style = model.styles.of(request.voice.id, len(piece.phonemes))
    tokens = model.phonemizer.tokens(piece.phonemes)
    made = model.graph.infer(tokens, style, request.speed, run)
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
    return AudioChunk(made.samples, SAMPLE_RATE, words, estimated_words=made.durations is None)


def _remedy(text: str) -> str:
    """The command that installs a reader for some of the letters of `text`."""
    scripts = set(map(script_of, text))
    missing = [
        known.package for known in LANGUAGES.values() if not known.installed() and scripts & known.own_scripts
    ]
    return install_command(*missing) if missing else ""


def _language(request: SegmentRequest) -> Language:
    """The language of the text, in the voice's region if that is the same language."""
    asked, own = language_of(request.language), language_of(request.voice.language)
    if asked is None:
        return own or next(iter(LANGUAGES.values()))
    if own is None or own.primary != asked.primary:
        return asked
    return own
