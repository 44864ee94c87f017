"""Word timings moved from the clock of a segment to the clock of the whole track."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace

from tts_hub.types import WordTiming


@dataclass(frozen=True, slots=True)
class SegmentClock:
    """The relation of a segment's own clock to the clock of the track."""

    start: float
    """Seconds on the track where the segment begins."""
    lead: float
    """Seconds that were removed at the front of the engine's audio."""
    tempo: float

    def on_track(self, seconds: float) -> float:
        """The moment of the track, in seconds, at which a moment of the engine's audio sounds."""
        return self.start + max(0.0, seconds - self.lead) / self.tempo


class Timeline:
    """Holds words back until the audio in which they end has left; times never run backwards."""

    def __init__(self) -> None:
        self._waiting: deque[WordTiming] = deque()
        self._offset = 0
        self._last_start = 0.0
        self._last_end = 0.0

    def begin_segment(self, span_offset: int) -> None:
        """Start a segment whose spans count from `span_offset`."""
        self._waiting.clear()
        self._offset = span_offset

    def add(self, words: Iterable[WordTiming]) -> None:
        """Add words of the segment, on its own clock."""
        self._waiting.extend(words)

    def take(self, clock: SegmentClock, until: float) -> tuple[WordTiming, ...]:
        """Remove and return the words that end before `until` seconds of the track."""
        taken = []
        while self._waiting and clock.on_track(self._waiting[0].end) <= until:
            taken.append(self._move(self._waiting.popleft(), clock, until))
        return tuple(taken)

    def take_all(self, clock: SegmentClock, segment_end: float) -> tuple[WordTiming, ...]:
        """Remove and return all words that are left; none ends after the segment, in seconds of the track."""
        words = tuple(self._move(word, clock, segment_end) for word in self._waiting)
        self._waiting.clear()
        return words

    def _move(self, word: WordTiming, clock: SegmentClock, latest: float) -> WordTiming:
        start = min(max(self._last_start, clock.on_track(word.start)), latest)
        end = min(max(self._last_end, start, clock.on_track(word.end)), latest)
        self._last_start, self._last_end = start, end
        first, last = word.span
        return replace(word, start=start, end=end, span=(first + self._offset, last + self._offset))
