"""The engine's side of a request: its text becomes segments, generated ahead of the reader."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import ExitStack, aclosing

import anyio
from anyio.abc import TaskGroup

from tts_hub.config import LimitsConfig, TextConfig
from tts_hub.containment import contained, described
from tts_hub.cost.budget import Bill
from tts_hub.errors import BackendError, GenerationError, TTSHubError, UsageError
from tts_hub.progress import ProgressCallback, ProgressEvent
from tts_hub.request.attempt import Attempt
from tts_hub.request.busy_clock import BusyClock
from tts_hub.request.costs import RequestCosts
from tts_hub.request.engine_call import EngineCall
from tts_hub.request.fallback import FallbackChoice, refuses_segment
from tts_hub.request.handover import Handover, PendingSegment
from tts_hub.request.prepared_engine import PreparedEngine, PreparedEngines
from tts_hub.request.reading import TakeOver
from tts_hub.request.route import Candidate, Plan
from tts_hub.text.check import is_visible
from tts_hub.text.duration import expected_seconds
from tts_hub.text.normalise import NormaliseOptions, SpokenText, WordMapper, spoken_form
from tts_hub.text.source import SourceText
from tts_hub.types import SegmentRequest

Replan = Callable[[str], Awaitable[Plan]]
"""Makes the plan that counts from the beginning of the text."""


class Generation:
    """Speaks one request. `run` works in a task of the manager until all is read, or until `stop`."""

    def __init__(
        self,
        plan: Plan,
        request_id: str,
        *,
        source: SourceText,
        replan: Replan | None,
        limits: LimitsConfig,
        text: TextConfig,
        costs: RequestCosts,
        on_progress: ProgressCallback,
    ) -> None:
        """`replan` makes the plan that counts, once there is text to see its language by."""
        self.plan = plan
        """What is settled of the request; with `replan`, only once the first segment is complete."""
        self.handover = Handover()
        self.costs = costs
        """Also what was spent on audio that is made ahead and never read."""
        self.clock = BusyClock()
        self.first_turn_at: float | None = None
        """When an engine first had a slot for the request, on the clock of the event loop."""
        self._request_id = request_id
        self._source = source
        self._replan = replan
        self._limits = limits
        self._text = text
        self._on_progress = on_progress
        self._current = 0
        """The index in the route of the engine that segments are given to."""
        self._current_from: int | None = None
        """The first segment that was given to it."""
        self._fallbacks = FallbackChoice(costs)
        self._engines = PreparedEngines(request_id, on_progress, load_timeout=limits.load_timeout)
        self._scope = anyio.CancelScope()
        self._tasks: TaskGroup | None = None

    @property
    def characters(self) -> int:
        """Characters of text taken in so far."""
        return self._source.characters

    @property
    def candidate(self) -> Candidate:
        """The engine that segments are given to."""
        return self.plan.route[self._current]

    async def run(self) -> None:
        """Generate ahead of the reader until all is read, or until `stop`."""
        try:
            with self._scope:
                async with anyio.create_task_group() as self._tasks, aclosing(self._source):
                    self._tasks.start_soon(self._source.pump)
                    await self._take_in()
                    while not self.handover.is_read:
                        await self.handover.change()
        finally:
            self._tasks = None
            try:
                await self.costs.close()
            finally:
                self._engines.close()
                self.handover.end()

    def stop(self) -> None:
        """End the work; the engine's slots are free once `handover.ended` is set."""
        self._scope.cancel()

    async def fall_back(self, pending: PendingSegment, error: BackendError) -> TakeOver:
        """Let the next engine of the route continue with a segment whose engine has failed.

        It also gets all later segments that are pending; what the failed engine made of them is dropped. An
        engine that only refuses the text of one segment, after it has spoken others, keeps the later ones.

        Raises:
            TTSHubError: the failure itself, when no other engine can take over.
            UsageError: the stream was closed meanwhile.
        """
        error.position = pending.segment.offset
        failed = pending.attempt.candidate if pending.attempt is not None else self.candidate
        has_spoken = pending.segment.index != self._current_from
        only_segment = failed != self.candidate or (refuses_segment(error) and has_spoken)
        following = await self._fallbacks.choose(
            self.plan.route[self.plan.route.index(failed) + 1 :],
            error,
            text=pending.segment.text if only_segment else self._rest_from(pending),
            only_segment=only_segment,
            has_given_audio=self.handover.has_given_audio,
        )
        await self.handover.require_running()
        if only_segment:
            self._start(pending, following)
            return TakeOver(following, only_segment)
        self._current, self._current_from = self.plan.route.index(following), None
        for other in self.handover.segments:
            if other.attempt is not None:
                other.attempt.cancel()
                self._start(other, following)
        return TakeOver(following, only_segment)

    def _rest_from(self, pending: PendingSegment) -> str:
        """The text from a segment on, as far as it is known."""
        text = self.plan.request.input
        if isinstance(text, str):
            return text[pending.segment.offset :]
        return "".join(other.segment.text for other in self.handover.segments)

    async def _take_in(self) -> None:
        """Read the text and start on its segments, as far ahead as there is room."""
        handover, count, previous = self.handover, 0, ""
        async with contained(self._text_failed):
            await self._settle()
            async with aclosing(self._source.segments(self.plan.cutting)) as segments:
                async for segment in segments:
                    pending = PendingSegment(segment, previous)
                    previous = segment.text or previous
                    count += 1
                    while segment.text and not self._has_room():
                        await handover.change()
                    handover.add(pending)
                    if segment.text:
                        self._start(pending, self.candidate)
            handover.end_text(count)

    async def _settle(self) -> None:
        if self._replan is not None:
            self.plan = await self._replan(await self._source.opening(self.plan.cutting))
        for notice in self.plan.notices:
            self._on_progress(ProgressEvent("notice", backend=self.candidate.engine.name, message=notice))

    def _text_failed(self, exc: BaseException) -> None:
        """The text's source is the caller's code: the caller gets what it raised."""
        error = exc
        if not isinstance(error, Exception):
            error = UsageError(f"the source of the text failed: {described(exc)}")
            error.__cause__ = exc
        self.handover.fail_text(error)

    def _has_room(self) -> bool:
        """Whether one more segment may be worked on: a slot for it, and not too much audio unread."""
        if not self.handover.segments:
            return True
        running = self.handover.running
        coming = sum(expected_seconds(pending.segment.text) for pending in running[1:])
        engine = self.candidate.engine
        together = engine.capabilities.ahead_seconds
        # One page that is spoken all at once leaves a place for the next request.
        places = max(1, engine.concurrency - 1) if together else engine.concurrency
        most = max(self._limits.buffer_seconds, together)
        return len(running) < places and self.handover.unread_seconds + coming < most

    def _start(self, pending: PendingSegment, candidate: Candidate) -> None:
        if self._tasks is None:
            raise UsageError("the stream was closed before the speech ended")
        if self._current_from is None:
            self._current_from = pending.segment.index
        pending.attempt = attempt = Attempt(candidate)
        self._tasks.start_soon(self._speak, pending, attempt)

    async def _speak(self, pending: PendingSegment, attempt: Attempt) -> None:
        """Have one segment spoken by the engine that the attempt is for."""
        candidate = attempt.candidate

        def failed(exc: BaseException) -> None:
            attempt.fail(_as_failure(exc, candidate.engine.name))

        with attempt.scope:
            async with contained(failed), self.costs.bill(candidate, pending.segment.text) as bill:
                await self._speak_in_turn(pending, attempt, bill)
        attempt.end()
        self.handover.notify()

    async def _speak_in_turn(self, pending: PendingSegment, attempt: Attempt, bill: Bill) -> None:
        engine = attempt.candidate.engine
        is_first = self.handover.is_next(pending)
        with ExitStack() as line:
            if is_first and not self.handover.has_given_audio:
                line.enter_context(engine.waiting_place())
            prepared = attempt.engine = await self._engines.get(self.plan, attempt.candidate)
            async with engine.turn(first=is_first) as turn:
                line.close()
                if self.first_turn_at is None:
                    self.first_turn_at = anyio.current_time()
                spoken = self._spoken(prepared, pending.segment.text)
                if not is_visible(spoken.text):
                    return  # emoji that are skipped: there is nothing to say
                call = EngineCall(
                    prepared,
                    attempt,
                    turn,
                    handover=self.handover,
                    bill=bill,
                    clock=self.clock,
                    words=WordMapper(spoken),
                    on_progress=self._on_progress,
                    buffer_seconds=self._limits.buffer_seconds,
                )
                with bill.sent():
                    await call.run(self._segment_request(prepared, pending, spoken))

    def _spoken(self, prepared: PreparedEngine, text: str) -> SpokenText:
        """What the engine is given to say for a piece of the text."""
        if self.plan.request.markup == "ssml" or not self._text.normalise:
            return SpokenText(text, text)
        options = NormaliseOptions(
            emoji=self._text.emoji,
            only_letters=prepared.engine.capabilities_for(prepared.model).normalises,
        )
        return spoken_form(text, prepared.language or self.plan.cutting.language, options)

    def _segment_request(
        self, prepared: PreparedEngine, pending: PendingSegment, spoken: SpokenText
    ) -> SegmentRequest:
        request = self.plan.request
        return SegmentRequest(
            text=spoken.text,
            voice=prepared.voice,
            model=prepared.model,
            language=prepared.language,
            speed=prepared.speed,
            markup=request.markup,
            instructions=prepared.instructions,
            seed=request.seed,
            options=prepared.options,
            index=pending.segment.index,
            request_id=self._request_id,
            previous_text=self._spoken(prepared, pending.previous_text).text,
            incoming=self._source.is_incoming,
        )


def _as_failure(exc: BaseException, engine: str) -> TTSHubError:
    if isinstance(exc, TTSHubError):
        return exc
    error = GenerationError(f"engine {engine!r} failed: {described(exc)}", backend=engine)
    error.__cause__ = exc
    return error
