"""Whose turn it is in the loop: pure choice among segments, by who would hear a gap first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from tts_hub_chatterbox.scheduler.playback import Listener
from tts_hub_chatterbox.scheduler.speaking import Speaking
from tts_hub_chatterbox.scheduler.step_times import Costs

MARGIN = 1.5
"""Times what a chunk takes, before its listener runs dry: then it must not wait for anybody else."""
LEAST_MARGIN = 0.3
"""Seconds."""
STEPS_BETWEEN_JOINS = 4
"""Of the others, before one more of a running request joins: each must read its text first."""

RUNNING_DRY, NEW, LATER = 0, 1, 2
"""How urgent a segment is: its listener is about to hear a gap, has heard nothing yet, or has enough."""

Work = Literal["join", "chunk", "step", "nothing"]


class Due(NamedTuple):
    """Sorts segments by urgency."""

    level: int
    moment: float
    """When its listener runs dry, or when it came of one who has heard nothing."""


class Choice(NamedTuple):
    """What to do next, and for whom; a step is for all."""

    work: Work
    speaking: Speaking | None = None


class Schedule:
    """Chooses for one moment."""

    def __init__(
        self,
        waiting: Sequence[Speaking],
        speaking: Sequence[Speaking],
        costs: Costs,
        now: float,
        *,
        holds_real_time: bool,
    ) -> None:
        self._waiting = waiting
        self._speaking = speaking
        self._costs = costs
        self._now = now
        self._holds_real_time = holds_real_time
        self._lowest = _lowest((*waiting, *speaking))

    def choose(self, *, is_full: bool, steps_since_join: int) -> Choice:
        """Who runs dry goes first, then newcomers, then all others by when they would run dry."""
        rows = [s for s in self._speaking if s.has_row]
        chunk = min((s for s in self._speaking if s.wanted), key=self.due, default=None)
        joining = None if is_full else self._next_to_join()
        if chunk is not None and self.due(chunk).level == RUNNING_DRY:
            return Choice("chunk", chunk)
        if joining is not None and self.due(joining).level == NEW:
            return Choice("join", joining)
        if chunk is not None and (not rows or self.due(chunk) <= min(self.due(s) for s in rows)):
            return Choice("chunk", chunk)
        if joining is not None and (not rows or steps_since_join >= STEPS_BETWEEN_JOINS):
            return Choice("join", joining)
        return Choice("step" if rows else "nothing")

    def due(self, speaking: Speaking) -> Due:
        """How urgent it is."""
        moment = speaking.listener.runs_dry(speaking.speech.index, speaking.sent)
        if moment is None:
            is_first = self._lowest[speaking.listener] == speaking.speech.index
            return Due(NEW if is_first else LATER, speaking.arrived_at)
        needed = max(LEAST_MARGIN, MARGIN * self._costs.chunk(speaking.chunk_seconds))
        return Due(RUNNING_DRY if moment - self._now < needed else LATER, moment)

    def lacks_room(self, waiting: Speaking) -> bool:
        """Whether with one more voice nobody could be spoken to as fast as he hears."""
        active = {s.listener for s in self._speaking}
        if not self._holds_real_time or not active or waiting.is_under_way or waiting.listener in active:
            return False
        return self._costs.load(len(active) + 1) > 1

    def is_anybody_running_dry(self) -> bool:
        """Whether other work must wait."""
        return any(self.due(s).level == RUNNING_DRY for s in self._speaking)

    def _next_to_join(self) -> Speaking | None:
        """Nobody who has time joins beside a newcomer who has heard nothing yet."""
        is_quiet = not any(self.due(s).level == NEW for s in self._speaking)
        later_too = is_quiet and all(self._can_bear_one_more(s) for s in self._speaking)
        allowed = [
            w for w in self._waiting if (later_too or self.due(w).level != LATER) and not self.lacks_room(w)
        ]
        return min(allowed, key=self.due, default=None)

    def _can_bear_one_more(self, speaking: Speaking) -> bool:
        """Whether its chunks would still be there in time with one more row at each step."""
        runs_dry = speaking.listener.runs_dry(speaking.speech.index, speaking.sent)
        if runs_dry is None:
            return True
        step = self._costs.step(1 + sum(s.has_row for s in self._speaking))
        ready = self._now + self._costs.join + LEAST_MARGIN
        for drawn, seconds in speaking.chunks_to_come():
            ready += drawn * step + self._costs.chunk(seconds)
            if ready > runs_dry:
                return False
            runs_dry += seconds
        return True


def _lowest(all_of_them: Iterable[Speaking]) -> dict[Listener, int]:
    """The first segment of each listener that is not at its end."""
    lowest: dict[Listener, int] = {}
    for each in all_of_them:
        index = each.speech.index
        lowest[each.listener] = min(index, lowest.get(each.listener, index))
    return lowest
