"""The reader's side of a request: audio in order, and the next engine when one fails.

The engine's side is `speaking`; the two meet in a `Handover`.
"""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

import anyio
from anyio.lowlevel import cancel_shielded_checkpoint, checkpoint_if_cancelled

from tts_hub.errors import (
    BackendError,
    BackendUnavailableError,
    EngineRefusedError,
    GenerationError,
    StalledError,
    TTSHubError,
    UsageError,
)
from tts_hub.request.attempt import Attempt, AttemptState
from tts_hub.request.handover import PendingSegment
from tts_hub.request.route import Candidate
from tts_hub.request.speaker import Speaker
from tts_hub.request.speaking import Speaking
from tts_hub.text.segment import Segment
from tts_hub.types import AudioChunk


@dataclass(frozen=True, slots=True)
class SegmentStarted:
    """The audio of a segment begins; `speaker` is None for a segment that has no words."""

    segment: Segment
    speaker: Speaker | None


@dataclass(frozen=True, slots=True)
class SegmentEnded:
    """All audio of the segment has been read."""

    segment: Segment


@dataclass(frozen=True, slots=True)
class SegmentBroken:
    """The engine failed inside the segment, or before it; the next engine begins the segment anew."""

    segment: Segment
    failed: Candidate
    following: Candidate
    error: BackendError


Part = SegmentStarted | AudioChunk | SegmentEnded | SegmentBroken


class Generation:
    """The audio of one request, segment by segment."""

    def __init__(self, speaking: Speaking, *, stall_timeout: float) -> None:
        """`stall_timeout`: seconds after which an engine that gives nothing counts as failed."""
        self.speaking = speaking
        self.has_stalled = False
        """An engine was given up because it hung; closing does not wait for it."""
        self._handover = speaking.handover
        self._stall_timeout = stall_timeout
        self._failures: list[BackendError] = []

    async def parts(self) -> AsyncGenerator[Part, None]:
        """The audio in order, with the borders of its segments.

        Raises:
            TTSHubError: what failed, with no fallback left; after the audio that came before it.
        """
        handover = self._handover
        while (pending := await self._next_segment()) is not None:
            async with aclosing(self._parts_of(pending)) as parts:
                async for part in parts:
                    yield part
            handover.segments.popleft()
            handover.notify()
        handover.all_read = True
        handover.notify()

    async def _next_segment(self) -> PendingSegment | None:
        handover = self._handover
        while not handover.segments:
            if handover.text_error is not None:
                raise handover.text_error
            if handover.segment_count is not None:
                return None
            await self._require_running()
            await handover.change()
        return handover.segments[0]

    async def _parts_of(self, pending: PendingSegment) -> AsyncGenerator[Part, None]:
        """One segment, begun anew by the next engine when one fails."""
        while (attempt := pending.attempt) is not None:
            has_begun = False
            try:
                async with aclosing(self._chunks_of(attempt)) as chunks:
                    async for chunk in chunks:
                        self._handover.is_audible = self._handover.is_audible or bool(len(chunk.samples))
                        if not has_begun:
                            has_begun = True
                            yield SegmentStarted(pending.segment, attempt.speaker)
                        yield chunk
            except BackendError as exc:
                yield await self._fall_back(pending, attempt, exc)
                continue
            yield SegmentEnded(pending.segment)
            return
        yield SegmentStarted(pending.segment, None)
        yield SegmentEnded(pending.segment)

    async def _chunks_of(self, attempt: Attempt) -> AsyncGenerator[AudioChunk, None]:
        while True:
            while attempt.chunks:
                chunk = attempt.read()
                self._handover.notify()
                yield chunk
                await cancel_shielded_checkpoint()  # shaping and encoding it took a while
            if attempt.error is not None:
                raise attempt.error
            if attempt.state is AttemptState.ENDED:
                return
            await self._require_running()
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
            name = self.speaking.plan.route[attempt.candidate].engine.name
            attempt.fail(StalledError(f"engine {name!r} gave no audio for {limit:g} s", backend=name))
            attempt.scope.cancel()

    async def _require_running(self) -> None:
        if self._handover.ended.is_set():
            await checkpoint_if_cancelled()  # the reader may be cancelled too, and not know it yet
            raise UsageError("the stream was closed before the speech ended")

    async def _fall_back(
        self, pending: PendingSegment, attempt: Attempt, error: BackendError
    ) -> SegmentBroken:
        """Let the next engine begin with this segment; what the failed one made of later ones is dropped.

        Raises:
            TTSHubError: the failure itself, when no other engine can take over.
        """
        error.position = pending.segment.offset
        self._failures.append(error)
        following = await self._following(attempt.candidate, pending)
        if following is None:
            raise _all_failed(self._failures, self.speaking.costs.passed_over)
        self.speaking.continue_with(following)
        route = self.speaking.plan.route
        return SegmentBroken(pending.segment, route[attempt.candidate], route[following], error)

    async def _following(self, failed: int, pending: PendingSegment) -> int | None:
        """The next engine that may take over at a segment, and that the budget has enough for."""
        plan = self.speaking.plan
        text = plan.request.input
        if isinstance(text, str):
            rest = text[pending.segment.offset :]
        else:
            rest = "".join(other.segment.text for other in self._handover.segments)
        for index in range(failed + 1, len(plan.route)):
            candidate = plan.route[index]
            # The other choices of `auto` are as good as the first until there has been audio.
            if candidate.only_at_start and self._handover.is_audible:
                continue
            if await self.speaking.costs.may_take_over(candidate, rest):
                return index
        return None


def _all_failed(errors: Sequence[BackendError], passed_over: Sequence[str]) -> TTSHubError:
    """What to raise when no engine is left: the failure itself, or all of them in one line.

    `passed_over` says of engines why they were not tried.
    """
    errors = [e for e in errors if not isinstance(e, EngineRefusedError) or e.was_named] or errors
    first, last = errors[0], errors[-1]
    all_refused = all(isinstance(error, EngineRefusedError) for error in errors)
    if all_refused and isinstance(first, EngineRefusedError):
        return first.original
    if len(errors) == 1 and not passed_over:
        return first
    message = "; then ".join([*(str(error) for error in errors), *passed_over])
    unavailable = isinstance(last, BackendUnavailableError | EngineRefusedError)
    failure = (BackendUnavailableError if unavailable else GenerationError)(message, backend=first.backend)
    failure.position = last.position
    failure.__cause__ = last
    return failure
