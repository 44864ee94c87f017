"""What passes between the two sides of a request: the engine's side, which makes audio, and the reader's."""

from __future__ import annotations

from collections import deque

import anyio

from tts_hub.request.attempt import Attempt
from tts_hub.text.segment import Segment


class PendingSegment:
    """A segment that has not been read to its end, and the attempt at it that counts."""

    def __init__(self, segment: Segment, previous_text: str) -> None:
        """`previous_text` is the text of the segment before it, for engines that keep the tone."""
        self.segment = segment
        self.previous_text = previous_text
        self.attempt: Attempt | None = None
        """None for a segment without words."""

    @property
    def is_running(self) -> bool:
        """An engine is at work on it, or it waits for its turn."""
        return self.attempt is not None and not self.attempt.is_over

    @property
    def unread_seconds(self) -> float:
        """Seconds of audio that have not been read."""
        return self.attempt.unread_seconds if self.attempt is not None else 0.0


class Handover:
    """The pending segments of one request, in order. Either side changes it, and wakes the other.

    The engine's side appends segments and says how the text ended; the reader's side removes what it has
    read and says when it is done.
    """

    def __init__(self) -> None:
        self.segments: deque[PendingSegment] = deque()
        self.segment_count: int | None = None
        """How many segments the text has, once all of it is cut."""
        self.text_error: Exception | None = None
        """What the text's source raised, for the reader behind all segments before it."""
        self.is_audible = False
        """The reader has got audio."""
        self.all_read = False
        """The reader has got everything."""
        self.ended = anyio.Event()
        """Set when no task of the request is left, and the slots of its engines are free."""
        self._changed = anyio.Event()

    @property
    def running(self) -> list[PendingSegment]:
        """The segments that engines are at work on, or that wait for their turn."""
        return [pending for pending in self.segments if pending.is_running]

    @property
    def unread_seconds(self) -> float:
        """Seconds of audio that have not been read, in all segments."""
        return sum(pending.unread_seconds for pending in self.segments)

    def is_next(self, pending: PendingSegment) -> bool:
        """Whether the reader needs the audio of a segment before that of all others."""
        return pending is next(other for other in self.segments if other.attempt is not None)

    def notify(self) -> None:
        """Wake all that wait in `change`."""
        self._changed.set()
        self._changed = anyio.Event()

    async def change(self) -> None:
        """Wait for the next `notify`."""
        await self._changed.wait()
