"""The reader's side of a request: audio in order, with the borders of its segments.

The engine's side is `generation`; a `Handover` lies between them.
"""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass

import anyio
from anyio.lowlevel import cancel_shielded_checkpoint

from tts_hub.errors import BackendError, StalledError
from tts_hub.request.attempt import Attempt, AttemptState
from tts_hub.request.handover import Handover, PendingSegment
from tts_hub.request.prepared_engine import PreparedEngine
from tts_hub.request.route import Candidate
from tts_hub.text.segment import Segment
from tts_hub.types import AudioChunk


@dataclass(frozen=True, slots=True)
class SegmentStarted:
    """The audio of a segment begins; `engine` is None for a segment that has no words."""

    segment: Segment
    engine: PreparedEngine | None


@dataclass(frozen=True, slots=True)
class SegmentEnded:
    """All audio of the segment has been read."""

    segment: Segment


@dataclass(frozen=True, slots=True)
class TakeOver:
    """The engine that begins a segment anew."""

    following: Candidate
    only_segment: bool
    """The failed engine continues with the next segment."""


@dataclass(frozen=True, slots=True)
class SegmentBroken:
    """The engine failed inside the segment, or before it; the next engine begins the segment anew."""

    segment: Segment
    failed: Candidate
    error: BackendError
    take_over: TakeOver


Part = SegmentStarted | AudioChunk | SegmentEnded | SegmentBroken
FallBack = Callable[[PendingSegment, BackendError], Awaitable[TakeOver]]
"""Lets the next engine continue with a segment; raises when there is none."""


class Reading:
    """The audio of one request, segment by segment."""

    def __init__(self, handover: Handover, fall_back: FallBack, *, stall_timeout: float) -> None:
        """`stall_timeout`: seconds after which an engine that gives nothing counts as failed."""
        self.has_stalled = False
        """An engine was given up because it hung; closing does not wait for it."""
        self._handover = handover
        self._fall_back = fall_back
        self._stall_timeout = stall_timeout

    async def parts(self) -> AsyncGenerator[Part, None]:
        """The audio in order, with the borders of its segments.

        Raises:
            TTSHubError: what failed, with no fallback left; after the audio that came before it.
        """
        while (pending := await self._next_segment()) is not None:
            async with aclosing(self._parts_of(pending)) as parts:
                async for part in parts:
                    yield part
            self._handover.drop_first()
        self._handover.finish()

    async def _next_segment(self) -> PendingSegment | None:
        handover = self._handover
        while handover.first is None:
            if handover.text_error is not None:
                raise handover.text_error
            if handover.segment_count is not None:
                return None
            await handover.require_running()
            await handover.change()
        return handover.first

    async def _parts_of(self, pending: PendingSegment) -> AsyncGenerator[Part, None]:
        """One segment, begun anew by the next engine when one fails."""
        segment = pending.segment
        while (attempt := pending.attempt) is not None:
            has_begun = False
            try:
                async with aclosing(self._chunks_of(attempt)) as chunks:
                    async for chunk in chunks:
                        self._handover.has_given_audio |= bool(len(chunk.samples))
                        if not has_begun:
                            has_begun = True
                            yield SegmentStarted(segment, attempt.engine)
                        yield chunk
            except BackendError as exc:
                take_over = await self._fall_back(pending, exc)
                yield SegmentBroken(segment, attempt.candidate, exc, take_over)
                continue
            yield SegmentEnded(segment)
            return
        yield SegmentStarted(segment, None)
        yield SegmentEnded(segment)

    async def _chunks_of(self, attempt: Attempt) -> AsyncGenerator[AudioChunk, None]:
        while True:
            while attempt.has_chunks:
                chunk = attempt.read()
                self._handover.notify()
                yield chunk
                await cancel_shielded_checkpoint()  # shaping and encoding it took a while
            if attempt.error is not None:
                raise attempt.error
            if attempt.state is AttemptState.ENDED:
                return
            await self._handover.require_running()
            await self._change_or_stall(attempt)

    async def _change_or_stall(self, attempt: Attempt) -> None:
        """Wait for a change; an engine that is generating but gives nothing for too long counts as failed."""
        limit, since = self._stall_timeout, attempt.silent_since
        patience = math.inf if since is None else since + limit - anyio.current_time()
        with anyio.move_on_after(max(0.0, patience)):
            await self._handover.change()
        since = attempt.silent_since
        if since is not None and anyio.current_time() - since >= limit:
            self.has_stalled = True
            name = attempt.candidate.engine.name
            attempt.give_up(StalledError(f"engine {name!r} gave no audio for {limit:g} s", backend=name))
