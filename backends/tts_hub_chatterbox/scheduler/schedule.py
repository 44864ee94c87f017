"""The choice of the loop's next piece of work: a pure function of its segments at one moment.

The audio that is about to run out at a client comes first, then the first audio of new requests, then all
other audio in the order in which it will be needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from tts_hub_chatterbox.scheduler.playback import Playback
from tts_hub_chatterbox.scheduler.segment_state import SegmentState
from tts_hub_chatterbox.scheduler.step_times import StepTimes

MARGIN = 1.5
"""A chunk is urgent when the audio runs out within this many times the time that the chunk takes."""
LEAST_MARGIN = 0.3
"""Seconds before the audio runs out from which on a chunk is urgent in any case."""
STEPS_BETWEEN_PREFILLS = 4
"""Decode steps between two prefills of running requests: the other rows wait during a prefill."""

URGENT, FIRST, LATER = 0, 1, 2
"""Levels of urgency: the audio is about to run out, none has left yet, or there is enough."""

Work = Literal["prefill", "render", "decode", "wait"]


class Due(NamedTuple):
    """The urgency of a segment; sorts the most urgent one first."""

    level: int
    moment: float
    """When the audio before the segment runs out, or when the segment arrived if none has left yet."""


class Choice(NamedTuple):
    """The next piece of work, and its segment; a decode step is for all rows."""

    work: Work
    state: SegmentState | None = None


class Schedule:
    """The waiting and the running segments at one moment."""

    def __init__(
        self,
        waiting: Sequence[SegmentState],
        running: Sequence[SegmentState],
        step_times: StepTimes,
        now: float,
        *,
        holds_real_time: bool,
    ) -> None:
        self._waiting = waiting
        self._running = running
        self._step_times = step_times
        self._now = now
        self._holds_real_time = holds_real_time
        self._lowest = _lowest((*waiting, *running))

    def choose(self, *, is_full: bool, steps_since_prefill: int) -> Choice:
        """The next piece of work; `is_full` says that the batch has no free row."""
        decoding = [s for s in self._running if s.has_row]
        chunk = min((s for s in self._running if s.can_render), key=self.due, default=None)
        waiting = None if is_full else self._next_prefill()
        if chunk is not None and self.due(chunk).level == URGENT:
            return Choice("render", chunk)
        if waiting is not None and self.due(waiting).level == FIRST:
            return Choice("prefill", waiting)
        if chunk is not None and (not decoding or self.due(chunk) <= min(self.due(s) for s in decoding)):
            return Choice("render", chunk)
        if waiting is not None and (not decoding or steps_since_prefill >= STEPS_BETWEEN_PREFILLS):
            return Choice("prefill", waiting)
        return Choice("decode" if decoding else "wait")

    def due(self, state: SegmentState) -> Due:
        """The urgency of a segment."""
        moment = state.playback.underrun_at(state.segment.index, state.sent)
        if moment is None:
            is_first = self._lowest[state.playback] == state.segment.index
            return Due(FIRST if is_first else LATER, state.arrived_at)
        needed = max(LEAST_MARGIN, MARGIN * self._step_times.chunk(state.chunk_seconds))
        return Due(URGENT if moment - self._now < needed else LATER, moment)

    def lacks_room(self, waiting: SegmentState) -> bool:
        """Whether one more request would make all of them slower than real time."""
        active = {s.playback for s in self._running}
        if not self._holds_real_time or not active or waiting.is_admitted or waiting.playback in active:
            return False
        return self._step_times.load(len(active) + 1) > 1

    def is_underrun_near(self) -> bool:
        """Whether a segment is urgent, so that other work must wait."""
        return any(self.due(s).level == URGENT for s in self._running)

    def _next_prefill(self) -> SegmentState | None:
        """The most urgent waiting segment that may have a row.

        While a request waits for its first audio, or a running one could not bear a slower step, only first
        segments may.
        """
        is_quiet = not any(self.due(s).level == FIRST for s in self._running)
        later_too = is_quiet and all(self._tolerates_one_more_row(s) for s in self._running)
        allowed = [
            w for w in self._waiting if (later_too or self.due(w).level != LATER) and not self.lacks_room(w)
        ]
        return min(allowed, key=self.due, default=None)

    def _tolerates_one_more_row(self, state: SegmentState) -> bool:
        """Whether the segment's chunks would still come in time with one more row in each step."""
        underrun_at = state.playback.underrun_at(state.segment.index, state.sent)
        if underrun_at is None:
            return True
        step = self._step_times.step(1 + sum(s.has_row for s in self._running))
        ready = self._now + self._step_times.prefill + LEAST_MARGIN
        for tokens, seconds in state.chunks_to_come():
            ready += tokens * step + self._step_times.chunk(seconds)
            if ready > underrun_at:
                return False
            underrun_at += seconds
        return True


def _lowest(states: Iterable[SegmentState]) -> dict[Playback, int]:
    """The index of each request's first segment that has not ended."""
    lowest: dict[Playback, int] = {}
    for state in states:
        index = state.segment.index
        lowest[state.playback] = min(index, lowest.get(state.playback, index))
    return lowest
