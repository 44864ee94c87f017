"""What lies between the engine's side of a request, which makes audio, and the reader's side."""

from __future__ import annotations

from collections import deque

import anyio
from anyio.lowlevel import checkpoint_if_cancelled

from tts_hub.errors import UsageError
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
    """The pending segments of one request, in order. A change by one side wakes the other in `change`."""

    def __init__(self) -> None:
        self.segments: deque[PendingSegment] = deque()
        self.segment_count: int | None = None
        """How many segments the text has, once all of it is cut."""
        self.text_error: Exception | None = None
        """What the text's source raised; the reader gets it behind all segments before it."""
        self.has_given_audio = False
        """The reader has got audio, be it silence."""
        self.is_read = False
        """The reader has got everything."""
        self.ended = anyio.Event()
        """Set when no task of the request is left, and the slots of its engines are free."""
        self._changed = anyio.Event()

    # The engine's side

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

    def add(self, pending: PendingSegment) -> None:
        """Append a segment."""
        self.segments.append(pending)
        self.notify()

    def end_text(self, count: int) -> None:
        """Note that the text has ended, with so many segments in all."""
        self.segment_count = count
        self.notify()

    def fail_text(self, error: Exception) -> None:
        """Note that the text's source failed."""
        self.text_error = error
        self.notify()

    def end(self) -> None:
        """Note that the work has ended, be it unfinished."""
        for pending in self.segments:
            if pending.attempt is not None:
                pending.attempt.cancel()
        self.ended.set()
        self.notify()

    # The reader's side

    @property
    def first(self) -> PendingSegment | None:
        """The segment that is read."""
        return self.segments[0] if self.segments else None

    def drop_first(self) -> None:
        """Remove the segment that has been read."""
        self.segments.popleft()
        self.notify()

    def finish(self) -> None:
        """Note that everything has been read."""
        self.is_read = True
        self.notify()

    async def require_running(self) -> None:
        """Raise unless there is more to come.

        Raises:
            UsageError: the stream was closed.
        """
        if self.ended.is_set():
            await checkpoint_if_cancelled()  # the reader may be cancelled too, and not know it yet
            raise UsageError("the stream was closed before the speech ended")

    # Both

    def notify(self) -> None:
        """Wake all that wait in `change`."""
        self._changed.set()
        self._changed = anyio.Event()

    async def change(self) -> None:
        """Wait until something has changed."""
        await self._changed.wait()
