"""From the parts of a generation to one continuous piece of audio on one timeline."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import replace

import numpy as np

from tts_hub.audio.track import Track, TrackSettings
from tts_hub.config import AudioConfig
from tts_hub.report import Fallback, Retake
from tts_hub.request.prepared_engine import PreparedEngine
from tts_hub.request.reading import Part, SegmentBroken, SegmentEnded, SegmentStarted
from tts_hub.text.segment import Segment
from tts_hub.types import AudioChunk, SpeechRequest

LoudnessMemory = MutableMapping[tuple[str, str], float]
"""(engine, voice) -> measured loudness in LUFS, so that a voice starts at the right level next time."""


class Shaper:
    """Feeds a `Track`, and keeps position, pauses between segments, fallbacks and the loudness of voices."""

    def __init__(self, config: AudioConfig, request: SpeechRequest, loudness: LoudnessMemory) -> None:
        sample_rate = request.sample_rate or config.sample_rate
        self.sample_rate = sample_rate
        """Hz."""
        self.audio_seconds = 0.0
        self.segments = 0
        """Segments spoken to their end."""
        self.engine: PreparedEngine | None = None
        self.fallbacks: list[Fallback] = []
        self.cut_segments: list[int] = []
        self.estimated_segments: list[int] = []
        self.retakes: list[Retake] = []
        self._config = config
        self._pace = request.speed
        self._loudness = loudness
        self._silence = AudioChunk(np.zeros(0, np.float32), sample_rate)
        self._track = Track(
            TrackSettings(
                sample_rate=sample_rate,
                loudness_lufs=None if config.loudness == "off" else config.loudness,
                trim_silence=config.trim_silence,
            )
        )
        self._pause = 0.0
        self._segment_start: float | None = None
        self._segment_index = 0
        self._seeds: set[int | None] = set()
        """The seeds that engines drew; None stands for audio with another seed, or without one."""

    def shape(self, part: Part) -> AudioChunk:
        """Audio that is now final, possibly none; words on the clock and in the characters of the whole."""
        if isinstance(part, AudioChunk):
            self._note(part)
            return self._out(self._track.push(part))
        if isinstance(part, SegmentStarted):
            return self._begin(part)
        if isinstance(part, SegmentEnded):
            return self._end(part.segment)
        return self._broken(part)

    @property
    def audible(self) -> bool:
        """There has been sound."""
        return self._track.audible

    @property
    def seed(self) -> int | None:
        """The seed that an engine drew for all of the audio."""
        return next(iter(self._seeds)) if len(self._seeds) == 1 else None

    def finish(self) -> AudioChunk:
        """What the filters still hold."""
        return self._out(self._track.finish())

    def _note(self, chunk: AudioChunk) -> None:
        """Keep what an engine reports besides the audio."""
        if chunk.finish_reason == "length":
            self.cut_segments.append(self._segment_index)
        if chunk.words and chunk.estimated_words and self._segment_index not in self.estimated_segments:
            self.estimated_segments.append(self._segment_index)
        if chunk.seed is not None:
            self._seeds.add(chunk.seed)
        backend = self.engine.engine.name if self.engine else ""
        self.retakes += [Retake(self._segment_index, backend, reason) for reason in chunk.retakes]

    def _begin(self, part: SegmentStarted) -> AudioChunk:
        prepared = part.engine
        self._segment_index = part.segment.index
        if prepared is not None:
            self.engine = prepared
            self._segment_start = self.audio_seconds + (self._pause if self.audio_seconds else 0.0)
            self._track.begin_segment(
                span_offset=part.segment.offset,
                start_lufs=self._known_loudness(prepared),
                pause_before=self._pause,
                source=f"{prepared.engine.name}/{prepared.voice.id}",
                tempo=prepared.tempo,
            )
        return self._silence

    def _end(self, segment: Segment) -> AudioChunk:
        last = self._end_in_track()
        if segment.text and self.engine is not None:
            self.segments += 1
        if segment.pause_after is None:
            self._pause = self._usual_pause(segment)
            return last
        self._pause = 0.0
        pause = self._out(self._track.pause(segment.pause_after))
        samples = np.concatenate([last.samples, pause.samples])
        return AudioChunk(samples, last.sample_rate, last.words + pause.words)

    def _broken(self, part: SegmentBroken) -> AudioChunk:
        """Fade out what was said of the segment; the next engine says it from its beginning."""
        began = self._segment_start
        self._seeds = {None} if self.audible else set()
        spoken = self._end_in_track()
        if not self._track.segment_audible:
            spoken = replace(spoken, words=())
        self.fallbacks.append(
            Fallback(
                failed=part.failed.engine.name,
                continued=part.take_over.following.engine.name,
                only_segment=part.take_over.only_segment,
                kind=part.error.kind,
                error=str(part.error),
                segment=part.segment.index,
                position=part.segment.span[0],
                repeated_seconds=0.0 if began is None else max(0.0, self.audio_seconds - began),
            )
        )
        return spoken

    def _end_in_track(self) -> AudioChunk:
        if self._segment_start is None or self.engine is None:
            return self._silence
        self._segment_start = None
        last = self._out(self._track.end_segment())
        self._remember_loudness(self.engine)
        return last

    def _usual_pause(self, segment: Segment) -> float:
        """Seconds; faster speech has shorter pauses."""
        pauses = {
            "clause": self._config.clause_pause,
            "sentence": self._config.sentence_pause,
            "paragraph": self._config.paragraph_pause,
        }
        return pauses[segment.boundary] / self._pace

    def _known_loudness(self, prepared: PreparedEngine) -> float | None:
        key = (prepared.engine.name, prepared.voice.id)
        return self._loudness.get(key, prepared.engine.capabilities.loudness_lufs)

    def _remember_loudness(self, prepared: PreparedEngine) -> None:
        measured = self._track.loudness(f"{prepared.engine.name}/{prepared.voice.id}")
        if measured is not None:
            self._loudness[prepared.engine.name, prepared.voice.id] = measured

    def _out(self, chunk: AudioChunk) -> AudioChunk:
        self.audio_seconds += chunk.seconds
        return chunk
