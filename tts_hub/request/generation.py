"""The middle of a request: segments become engine audio, made ahead, in order, with fallback.

`Generation.run` works in a task of the manager; `Generation.parts` is what the reader pulls from.
"""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import ExitStack, aclosing
from dataclasses import dataclass
from typing import Final

import anyio
import numpy as np
from anyio.abc import TaskGroup
from anyio.lowlevel import cancel_shielded_checkpoint, checkpoint, checkpoint_if_cancelled

from tts_hub.config import LimitsConfig, TextConfig
from tts_hub.containment import contained, contained_call, described
from tts_hub.cost.budget import Bill
from tts_hub.engines.inspection import Inspection
from tts_hub.engines.slots import Turn
from tts_hub.errors import (
    BackendError,
    BackendUnavailableError,
    GenerationError,
    InvalidRequestError,
    NoAudioError,
    OverloadedError,
    StalledError,
    TTSHubError,
    UsageError,
)
from tts_hub.progress import ProgressCallback, ProgressEvent
from tts_hub.request.attempt import Attempt, BusyClock, Take
from tts_hub.request.costs import RequestCosts
from tts_hub.request.route import Plan, Speaker, Stop, prepare_speaker
from tts_hub.text.check import is_visible
from tts_hub.text.normalise import NormaliseOptions, SpokenText, WordMapper, spoken_form
from tts_hub.text.segment import Segment
from tts_hub.text.source import SourceText
from tts_hub.types import SPEECH_RATES, AudioChunk, SegmentRequest

logger = logging.getLogger(__name__)
SILENT_PEAK = 1e-4
"""-80 dBFS: below it, nothing was said."""
HEAD_START = 0.2
"""Seconds of audio that a segment makes at a time before it lets others begin."""
_END: Final = AudioChunk(np.zeros(0, np.float32), SPEECH_RATES[0])
"""Stands for the end of an engine's audio."""
SECONDS_PER_CHARACTER = 0.07
"""Of usual speech: what a segment that is being made will roughly come to."""


@dataclass(frozen=True, slots=True)
class SegmentStarted:
    """The audio of a segment begins; `speaker` is None for a segment that has no words."""

    segment: Segment
    speaker: Speaker | None


@dataclass(frozen=True, slots=True)
class SegmentEnded:
    """All audio of the segment has been handed out."""

    segment: Segment


@dataclass(frozen=True, slots=True)
class SegmentBroken:
    """The engine failed inside the segment, or before it; `next_stop` begins the segment anew."""

    segment: Segment
    failed: Stop
    next_stop: Stop
    error: BackendError


Part = SegmentStarted | AudioChunk | SegmentEnded | SegmentBroken
Replan = Callable[[str], Awaitable[Plan]]


class Generation:
    """Audio of one request, segment by segment."""

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
        tell: ProgressCallback,
    ) -> None:
        """`replan` makes the plan that counts, once there is text to see its language by."""
        self.clock = BusyClock()
        self.costs = costs
        """Also of what was made ahead and is never heard."""
        self.first_turn_at: float | None = None
        self.segments_known: int | None = None
        """How many segments there are, once the text has come to its end."""
        self.ended = anyio.Event()
        """Set when no task of this request is left and its engine's slots are free."""
        self.plan = plan
        """What is settled of the request; with `replan`, only once the first segment is complete."""
        self._request_id = request_id
        self._source = source
        self._replan = replan
        self._limits = limits
        self._text = text
        self._tell = tell
        self._stop = 0
        self.has_stalled = False
        """An engine was given up because it hung; closing does not wait for it."""
        self._failures: list[BackendError] = []
        self._speakers: dict[int, Speaker | TTSHubError] = {}
        self._speaker_lock = anyio.Lock()
        self._users = ExitStack()
        self._pending: deque[Take] = deque()
        self._delivered_audio = False
        self._complete = False
        self._input_error: BaseException | None = None
        self._input_ended = False
        self._moved = anyio.Event()
        self._scope = anyio.CancelScope()
        self._tasks: TaskGroup | None = None

    @property
    def characters(self) -> int:
        """Characters of text taken in so far."""
        return self._source.characters

    @property
    def _route(self) -> Sequence[Stop]:
        return self.plan.route

    async def run(self) -> None:
        """Generate ahead of the reader until all is delivered, or until `stop`."""
        try:
            with self._scope:
                async with anyio.create_task_group() as self._tasks, aclosing(self._source):
                    self._tasks.start_soon(self._source.pump)
                    await self._take_in()
                    while not self._complete:
                        await self._moved_on()
        finally:
            self._forget()
            await self.costs.close()
            self._users.close()
            self.ended.set()
            self._notify()

    def _forget(self) -> None:
        for speaker in self._speakers.values():
            if isinstance(speaker, Speaker):
                name = speaker.engine.name
                with contained_call(
                    lambda exc, name=name: logger.error(  # type: ignore[misc]
                        "engine %s failed to release a request: %s", name, described(exc)
                    )
                ):
                    speaker.backend.forget(self._request_id)

    def stop(self) -> None:
        """End the work; the engine's slots are free once `ended` is set."""
        self._scope.cancel()

    async def parts(self) -> AsyncGenerator[Part, None]:
        """The audio in order, with the borders of its segments.

        Raises:
            TTSHubError: what failed, with no fallback left; after the audio that came before it.
        """
        while (take := await self._next_take()) is not None:
            async with aclosing(self._deliver(take)) as parts:
                async for part in parts:
                    yield part
            self._pending.popleft()
            self._notify()
        self._complete = True
        self._notify()

    # --- the reader's side ---

    async def _deliver(self, take: Take) -> AsyncGenerator[Part, None]:
        """One segment, begun anew by the next engine when one fails."""
        while True:
            attempt = take.attempt
            if attempt is None:
                yield SegmentStarted(take.segment, None)
                yield SegmentEnded(take.segment)
                return
            try:
                async with aclosing(self._read(attempt)) as chunks:
                    async for chunk in chunks:
                        self._delivered_audio = self._delivered_audio or bool(len(chunk.samples))
                        if not attempt.announced:
                            attempt.announced = True
                            yield SegmentStarted(take.segment, attempt.speaker)
                        yield chunk
            except BackendError as exc:
                yield await self._fall_back(take, exc)
                continue
            yield SegmentEnded(take.segment)
            return

    async def _read(self, attempt: Attempt) -> AsyncGenerator[AudioChunk, None]:
        while True:
            while attempt.chunks:
                chunk = attempt.take()
                self._notify()
                yield chunk
                await cancel_shielded_checkpoint()  # shaping and encoding it took a while
            if attempt.error is not None:
                raise attempt.error
            if attempt.ended:
                return
            await self._require_running()
            await self._moved_on_or_stalled(attempt)

    async def _next_take(self) -> Take | None:
        while not self._pending:
            if self._input_error is not None:
                raise self._input_error
            if self._input_ended:
                return None
            await self._require_running()
            await self._moved_on()
        return self._pending[0]

    async def _fall_back(self, take: Take, error: BackendError) -> SegmentBroken:
        """Let the next engine begin with this segment; what the failed one made of later ones is dropped.

        Raises:
            TTSHubError: the failure itself, when no other engine can take over.
        """
        failed = self._stop if take.attempt is None else take.attempt.stop_index
        error.position = take.segment.offset
        self._failures.append(error)
        following = await self._following(failed, take)
        if following is None or self._tasks is None:
            raise _all_failed(self._failures, self.costs.passed_over)
        self._stop = following
        for pending in self._pending:
            if pending.attempt is not None:
                pending.attempt.scope.cancel()
                self._start(pending)
        return SegmentBroken(take.segment, self._route[failed], self._route[following], error)

    async def _following(self, failed: int, take: Take) -> int | None:
        """The next engine that may take over at a segment, and that the budget has enough for."""
        text = self.plan.request.input
        if isinstance(text, str):
            rest = text[take.segment.offset :]
        else:
            rest = "".join(pending.segment.text for pending in self._pending)
        for index in range(failed + 1, len(self._route)):
            if self._may_follow(self._route[index]) and await self.costs.may_take_over(
                self._route[index], rest
            ):
                return index
        return None

    def _may_follow(self, stop: Stop) -> bool:
        """The other candidates of `auto` are as good as the first until something has been heard."""
        return not (stop.only_at_start and self._delivered_audio)

    # --- the engine's side ---

    async def _take_in(self) -> None:
        """Read the text and start on its segments, as far ahead as there is room."""
        count, previous = 0, ""
        async with contained(self._input_failed):
            await self._settle()
            async with aclosing(self._source.segments(self.plan.cutting)) as segments:
                async for segment in segments:
                    take = Take(segment, previous)
                    previous = segment.text or previous
                    count += 1
                    if segment.text:
                        while not self._has_room(segment):
                            await self._moved_on()
                        self._pending.append(take)
                        self._start(take)
                    else:
                        self._pending.append(take)
                    self._notify()
            self.segments_known = count
            self._input_ended = True
        self._notify()

    async def _settle(self) -> None:
        if self._replan is not None:
            self.plan = await self._replan(await self._source.opening(self.plan.cutting))
        for notice in self.plan.notices:
            self._tell(ProgressEvent("notice", backend=self._route[0].engine.name, message=notice))

    def _input_failed(self, exc: BaseException) -> None:
        """Of the text's source, which is the caller's code; raised to the caller as it is."""
        if isinstance(exc, Exception):
            self._input_error = exc
        else:
            self._input_error = UsageError(f"the source of the text failed: {described(exc)}")
            self._input_error.__cause__ = exc

    def _has_room(self, segment: Segment) -> bool:
        """Whether one more segment may be worked on: a slot for it, and not too much audio unread."""
        if not self._pending:
            return True
        running = [take for take in self._pending if take.running]
        unread = sum(take.unread_seconds for take in self._pending)
        coming = sum(len(take.segment.text) for take in running[1:]) * SECONDS_PER_CHARACTER
        engine = self._route[self._stop].engine
        together = engine.capabilities.ahead_seconds
        # One page that is spoken all at once leaves a place for who comes next.
        places = max(1, engine.concurrency - 1) if together else engine.concurrency
        return len(running) < places and unread + coming < max(self._limits.buffer_seconds, together)

    def _start(self, take: Take) -> None:
        take.attempt = attempt = Attempt(self._stop)
        if self._tasks is not None:
            self._tasks.start_soon(self._speak, take, attempt)

    async def _speak(self, take: Take, attempt: Attempt) -> None:
        def failed(exc: BaseException) -> None:
            attempt.error = self._failure(exc, attempt)

        stop = self._route[attempt.stop_index]
        with attempt.scope:
            async with contained(failed), self.costs.bill(stop, take.segment.text) as bill:
                await self._generate(take, attempt, bill)
        attempt.ended = True
        self._notify()

    def _failure(self, exc: BaseException, attempt: Attempt) -> TTSHubError:
        if isinstance(exc, TTSHubError):
            return exc
        name = self._route[attempt.stop_index].engine.name
        error = GenerationError(f"engine {name!r} failed: {described(exc)}", backend=name)
        error.__cause__ = exc
        return error

    async def _generate(self, take: Take, attempt: Attempt, bill: Bill) -> None:
        engine = self._route[attempt.stop_index].engine
        urgent = take is next(pending for pending in self._pending if pending.attempt is not None)
        with ExitStack() as line:
            if urgent and not self._delivered_audio:
                line.enter_context(engine.newcomer())
            speaker = attempt.speaker = await self._speaker(attempt.stop_index)
            async with engine.turn(first=urgent) as turn:
                line.close()
                if self.first_turn_at is None:
                    self.first_turn_at = anyio.current_time()
                spoken = self._spoken(speaker, take.segment.text)
                if not is_visible(spoken.text):
                    return  # emoji that are skipped: there is nothing to say
                request = self._segment_request(speaker, take, spoken)
                with bill.sent():
                    await self._run_backend(speaker, request, attempt, turn, bill, words=WordMapper(spoken))

    async def _run_backend(
        self,
        speaker: Speaker,
        request: SegmentRequest,
        attempt: Attempt,
        turn: Turn,
        bill: Bill,
        *,
        words: WordMapper,
    ) -> None:
        name = speaker.engine.name
        attempt.alive_at = anyio.current_time()
        self._notify()
        inspection = Inspection(request.text, name)

        def heard_of(event: ProgressEvent, /) -> None:
            """A slow engine that reports is at work and has not stalled."""
            attempt.alive_at = anyio.current_time()
            speaker.engine.sign_of_life()
            self._tell(event)

        try:
            async with aclosing(speaker.backend.generate_stream(request, heard_of)) as audio:
                while True:
                    with self.clock:
                        chunk = await anext(audio, _END)
                    if chunk is _END:
                        break
                    for piece in inspection.pieces(chunk):
                        bill.note(piece)
                        attempt.put(words.map(piece))
                        speaker.engine.sign_of_life()
                        self._notify()
                        await self._let_others_begin(attempt, turn)
                        await self._wait_for_reader(attempt, turn)
                        await checkpoint()  # an engine need not wait for anything
                inspection.finish()
        except (InvalidRequestError, OverloadedError) as exc:
            raise _RefusedError(exc, name) from exc
        if last_word := words.finish():
            attempt.put(last_word)
        if inspection.peak < SILENT_PEAK and any(c.isalnum() for c in request.text):
            raise NoAudioError(f"engine {name!r} generated no sound for a text with words", backend=name)

    async def _let_others_begin(self, attempt: Attempt, turn: Turn) -> None:
        """Newcomers get their first audio before this segment gets its next."""
        if turn.is_wanted and attempt.made_seconds >= HEAD_START:
            attempt.made_seconds = 0.0
            attempt.alive_at = None
            async with turn.stepped_aside():
                pass
            attempt.alive_at = anyio.current_time()

    async def _wait_for_reader(self, attempt: Attempt, turn: Turn) -> None:
        """A segment far longer than usual must not fill the memory; its slot goes to others meanwhile."""
        limit = max(self._limits.buffer_seconds, 1.0) * 4
        if attempt.unread_seconds < limit:
            return
        attempt.alive_at = None
        async with turn.stepped_aside():
            while attempt.unread_seconds > limit / 2:
                await self._moved_on()
        attempt.alive_at = anyio.current_time()

    async def _speaker(self, index: int) -> Speaker:
        """The engine of a stop, loaded, with the request's voice and options resolved for it."""
        async with self._speaker_lock:
            if index not in self._speakers:
                try:
                    self._speakers[index] = await self._prepared(index)
                except TTSHubError as exc:
                    self._speakers[index] = exc
            speaker = self._speakers[index]
        if isinstance(speaker, TTSHubError):
            raise speaker
        return speaker

    async def _prepared(self, index: int) -> Speaker:
        stop, name = self._route[index], self._route[index].engine.name
        self._users.enter_context(stop.engine.in_use())
        previous = self._speakers.get(index - 1)
        stands_in_for = previous if isinstance(previous, Speaker) else None
        try:
            with anyio.fail_after(self._limits.load_timeout):
                return await prepare_speaker(stop, self.plan.request, self._tell, stands_in_for)
        except TimeoutError as exc:
            message = f"engine {name!r} was not loaded within {self._limits.load_timeout:g} s"
            raise BackendUnavailableError(message, backend=name) from exc
        except InvalidRequestError as exc:
            others = self._route[index:]
            if not stop.stands_in and not any(other.only_at_start for other in others):
                raise
            raise _RefusedError(exc, name, was_named=not stop.only_at_start) from exc

    def _spoken(self, speaker: Speaker, text: str) -> SpokenText:
        """What the engine is given to say for a piece of the text."""
        if self.plan.request.markup == "ssml" or not self._text.normalise:
            return SpokenText(text, text)
        options = NormaliseOptions(
            emoji=self._text.emoji,
            only_letters=speaker.engine.capabilities_for(speaker.model).normalises,
        )
        return spoken_form(text, speaker.language or self.plan.cutting.language, options)

    def _segment_request(self, speaker: Speaker, take: Take, spoken: SpokenText) -> SegmentRequest:
        request = self.plan.request
        return SegmentRequest(
            text=spoken.text,
            voice=speaker.voice,
            model=speaker.model,
            language=speaker.language,
            speed=speaker.speed,
            markup=request.markup,
            instructions=request.instructions,
            seed=request.seed,
            options=speaker.options,
            index=take.segment.index,
            request_id=self._request_id,
            previous_text=self._spoken(speaker, take.previous_text).text,
            incoming=self._source.is_incoming,
        )

    # --- news ---

    def _notify(self) -> None:
        self._moved.set()
        self._moved = anyio.Event()

    async def _moved_on(self) -> None:
        await self._moved.wait()

    async def _require_running(self) -> None:
        if self.ended.is_set():
            await checkpoint_if_cancelled()  # the reader may be cancelled too, and not know it yet
            raise UsageError("the stream was closed before the speech ended")

    async def _moved_on_or_stalled(self, attempt: Attempt) -> None:
        """Wait for news; an engine that is at work but gives nothing for too long counts as failed."""
        limit = self._limits.stall_timeout
        patience = math.inf if attempt.alive_at is None else attempt.alive_at + limit - anyio.current_time()
        with anyio.move_on_after(max(0.0, patience)):
            await self._moved_on()
        silent_for = 0.0 if attempt.alive_at is None else anyio.current_time() - attempt.alive_at
        if silent_for >= limit and not attempt.ended:
            attempt.scope.cancel()
            self.has_stalled = True
            name = self._route[attempt.stop_index].engine.name
            attempt.error = StalledError(f"engine {name!r} gave no audio for {limit:g} s", backend=name)


class _RefusedError(BackendError):
    """An engine cannot take the request as it is, or not now; `original` says so to the caller."""

    kind = "engine_refused"

    def __init__(self, original: TTSHubError, backend: str, *, was_named: bool = True) -> None:
        super().__init__(f"engine {backend!r} refused: {original}", backend=backend)
        self.original = original
        self.was_named = was_named
        """The request named the engine, or `auto` chose it first: what it says is of interest."""


def _all_failed(errors: Sequence[BackendError], passed_over: Sequence[str]) -> TTSHubError:
    """What to raise when nobody is left: the failure itself, or all of them in one line.

    `passed_over` says of engines why they were not gone to.
    """
    errors = [e for e in errors if not isinstance(e, _RefusedError) or e.was_named] or errors
    first, last = errors[0], errors[-1]
    if all(isinstance(error, _RefusedError) for error in errors) and isinstance(first, _RefusedError):
        return first.original
    if len(errors) == 1 and not passed_over:
        return first
    message = "; then ".join([*(str(error) for error in errors), *passed_over])
    unavailable = isinstance(last, BackendUnavailableError | _RefusedError)
    failure = (BackendUnavailableError if unavailable else GenerationError)(message, backend=first.backend)
    failure.position = last.position
    failure.__cause__ = last
    return failure
