"""The track: segments of engine audio, joined into one continuous stream."""

from __future__ import annotations

import numpy as np

from tts_hub.audio.filter import Limiter
from tts_hub.audio.level import Leveller
from tts_hub.audio.pcm import silence
from tts_hub.audio.segment import SegmentChain, TrackSettings
from tts_hub.audio.timeline import SegmentClock, Timeline
from tts_hub.errors import UsageError
from tts_hub.types import AudioChunk, Samples, WordTiming

__all__ = ["Track", "TrackSettings"]


class Track:
    """Joins segments into audio of one rate, level and tempo, with words on one clock.

    Purely synchronous, without threads. The output does not depend on how the audio of a segment is cut into
    chunks. At tempo 1 a sound is held back by the fade (8 ms) and the limiter (5 ms) at the most,
    the first sound of a voice of unknown loudness by 0.6 s.
    """

    def __init__(self, settings: TrackSettings | None = None) -> None:
        self._settings = settings or TrackSettings()
        self._limiter = Limiter(self._settings.sample_rate)
        self._timeline = Timeline()
        self._levellers: dict[str, Leveller] = {}
        self._segment: SegmentChain | None = None
        self._in_segment = False
        self._segment_start: int | None = None
        self._pause_before = 0
        self._had_sound_before = False
        self._laid = 0
        self._given = 0
        self._finished = False

    @property
    def segment_audible(self) -> bool:
        """Whether the present segment, or the last one, has had any sound."""
        return self._segment is not None and self._segment.has_sound

    @property
    def audible(self) -> bool:
        """Whether any segment has had any sound."""
        return self._had_sound_before or self.segment_audible

    @property
    def seconds(self) -> float:
        """Seconds of the track so far, with those that the limiter still holds."""
        return self._laid / self._settings.sample_rate

    def loudness(self, source: str = "") -> float | None:
        """LUFS of the raw audio of one source; `None` when too little came or levelling is off."""
        leveller = self._levellers.get(source)
        return leveller.measured_lufs if leveller else None

    def begin_segment(
        self,
        *,
        span_offset: int = 0,
        start_lufs: float | None = None,
        pause_before: float = 0.0,
        source: str = "",
        tempo: float | None = None,
    ) -> None:
        """Start the next segment.

        `span_offset` is added to the spans of its words. `pause_before`, in seconds, comes before its first
        audio, unless it is the first audio of the track. `source` names the voice: each has a gain of its
        own, which starts from `start_lufs`, its loudness if known. `tempo` overrides that of the settings.
        Raises `UsageError` inside another segment or after `finish`.
        """
        self._require_between_segments()
        tempo = self._settings.tempo if tempo is None else tempo
        had_sound = self.audible
        self._segment = SegmentChain(self._settings, tempo, self._leveller(source, start_lufs))
        self._had_sound_before = had_sound
        self._in_segment = True
        self._segment_start = None
        self._pause_before = self._length(pause_before) if self._laid else 0
        self._timeline.begin_segment(span_offset)

    def push(self, chunk: AudioChunk) -> AudioChunk:
        """Process the segment's next audio; returns audio at the track's rate, perhaps none.

        Word times count from the start of the segment's raw audio; each word is returned with the chunk
        that it ends in, on the clock of the track. Raises `AudioError` for NaN, infinity and wrong shapes.
        """
        segment = self._open_segment()
        self._timeline.add(chunk.words)
        samples = self._lay_segment(segment.push(chunk))
        words: tuple[WordTiming, ...] = ()
        if self._segment_start is not None:
            clock = self._clock(segment, self._segment_start)
            words = self._timeline.take(clock, self._given / self._settings.sample_rate)
        return self._chunk(samples, words)

    def end_segment(self) -> AudioChunk:
        """End the segment; returns its last audio, faded out, and its remaining words.

        A segment that had audio but no sound in it becomes a short silence; one without any audio, nothing.
        """
        segment = self._open_segment()
        samples = self._lay_segment(segment.finish())
        start = self._laid if self._segment_start is None else self._segment_start
        self._in_segment = False
        return self._chunk(samples, self._timeline.take_all(self._clock(segment, start), self.seconds))

    def pause(self, seconds: float) -> AudioChunk:
        """Silence between two segments, which has this length at any tempo."""
        self._require_between_segments()
        return self._chunk(self._lay(silence(self._length(seconds))))

    def finish(self) -> AudioChunk:
        """End the track; returns its last samples. It cannot be used any more."""
        self._require_between_segments()
        self._finished = True
        return self._chunk(self._give(self._limiter.finish()))

    def _lay_segment(self, samples: Samples) -> Samples:
        """The segment's next samples, with the pause before them if they are its first."""
        if self._segment_start is not None or not len(samples):
            return self._lay(samples)
        self._segment_start = self._laid + self._pause_before
        return self._lay(np.concatenate([silence(self._pause_before), samples]))

    def _lay(self, samples: Samples) -> Samples:
        self._laid += len(samples)
        return self._give(self._limiter.process(samples))

    def _give(self, samples: Samples) -> Samples:
        self._given += len(samples)
        return samples

    def _chunk(self, samples: Samples, words: tuple[WordTiming, ...] = ()) -> AudioChunk:
        return AudioChunk(samples, self._settings.sample_rate, words)

    def _clock(self, segment: SegmentChain, start: int) -> SegmentClock:
        return SegmentClock(start / self._settings.sample_rate, segment.lead_seconds, segment.tempo)

    def _length(self, seconds: float) -> int:
        return max(0, round(seconds * self._settings.sample_rate))

    def _leveller(self, source: str, start_lufs: float | None) -> Leveller | None:
        """The source's own leveller, its gain moved for the next segment."""
        target = self._settings.loudness_lufs
        if target is None:
            return None
        leveller = self._levellers.get(source)
        if leveller is None:
            leveller = self._levellers[source] = Leveller(target, start_lufs, self._settings.sample_rate)
        else:
            leveller.next_segment()
        return leveller

    def _open_segment(self) -> SegmentChain:
        if self._segment is None or not self._in_segment:
            raise UsageError("the track is not in a segment; call begin_segment first")
        return self._segment

    def _require_between_segments(self) -> None:
        if self._finished:
            raise UsageError("the track is finished; make a new one")
        if self._in_segment:
            raise UsageError("the track is still in a segment; call end_segment first")
