"""The middle of a request: segments become engine audio, made ahead, in order, with fallback.

`Generation.run` works in a task of the manager; `Generation.parts` is what the reader pulls from.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import ExitStack, aclosing
from dataclasses import dataclass

import anyio
import numpy as np
from anyio.abc import TaskGroup

from tts_hub.config import LimitsConfig
from tts_hub.errors import (
    BackendError,
    BackendUnavailableError,
    GenerationError,
    InvalidRequestError,
    NoAudioError,
    StalledError,
    TTSHubError,
    UsageError,
)
from tts_hub.progress import ProgressCallback
from tts_hub.route import Speaker, Stop, prepare_speaker
from tts_hub.text.segment import Segment
from tts_hub.types import AudioChunk, SegmentRequest, SpeechRequest

SILENT_PEAK = 1e-4
"""-80 dBFS: below it, nothing was said."""


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


class Generation:
    """Audio of one request, segment by segment."""

    def __init__(
        self,
        request: SpeechRequest,
        request_id: str,
        *,
        segments: AsyncGenerator[Segment, None],
        route: Sequence[Stop],
        limits: LimitsConfig,
        tell: ProgressCallback,
    ) -> None:
        self.clock = BusyClock()
        self.first_turn_at: float | None = None
        self.segments_known: int | None = None
        """How many segments there are, once the text has come to its end."""
        self._request = request
        self._request_id = request_id
        self._segments = segments
        self._route = route
        self._limits = limits
        self._tell = tell
        self._stop = 0
        self._failures: list[BackendError] = []
        self._speakers: dict[int, Speaker] = {}
        self._speaker_lock = anyio.Lock()
        self._users = ExitStack()
        self._pending: deque[_Take] = deque()
        self._delivered_audio = False
        self._complete = False
        self._input_error: BaseException | None = None
        self._input_ended = False
        self._moved = anyio.Event()
        self._scope = anyio.CancelScope()
        self._tasks: TaskGroup | None = None
        self.ended = anyio.Event()
        """Set when no task of this request is left and its engine's slots are free."""

    async def run(self) -> None:
        """Generate ahead of the reader until all is delivered, or until `stop`."""
        try:
            with self._scope:
                async with anyio.create_task_group() as self._tasks, aclosing(self._segments):
                    await self._take_in()
                    while not self._complete:
                        await self._moved_on()
        finally:
            self._users.close()
            self.ended.set()
            self._notify()

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

    async def _deliver(self, take: _Take) -> AsyncGenerator[Part, None]:
        """One segment, begun anew by the next engine when one fails."""
        while True:
            attempt = take.attempt
            try:
                if attempt.stop is None:
                    yield SegmentStarted(take.segment, None)
                async for chunk in self._read(attempt):
                    if not attempt.announced:
                        attempt.announced = self._delivered_audio = True
                        yield SegmentStarted(take.segment, attempt.speaker)
                    yield chunk
            except BackendError as exc:
                yield self._fall_back(take, exc)
                continue
            yield SegmentEnded(take.segment)
            return

    async def _read(self, attempt: _Attempt) -> AsyncGenerator[AudioChunk, None]:
        while True:
            while attempt.chunks:
                chunk = attempt.chunks.popleft()
                attempt.unread_seconds -= chunk.seconds
                self._notify()
                yield chunk
            if attempt.error is not None:
                raise attempt.error
            if attempt.ended:
                return
            if self.ended.is_set():
                raise UsageError("the hub was closed before the speech came to its end")
            await self._moved_on_or_stalled(attempt)

    async def _next_take(self) -> _Take | None:
        while not self._pending:
            if self._input_error is not None:
                raise self._input_error
            if self._input_ended:
                return None
            if self.ended.is_set():
                raise UsageError("the hub was closed before the speech came to its end")
            await self._moved_on()
        return self._pending[0]

    def _fall_back(self, take: _Take, error: BackendError) -> SegmentBroken:
        """Let the next engine begin with this segment; what the failed one made of later ones is dropped.

        Raises:
            BackendError: the failure itself, when nobody is left to go on.
        """
        failed = take.attempt.stop_index
        following = failed + 1
        while following < len(self._route) and self._delivered_audio and self._route[following].only_at_start:
            following += 1
        if (
            following >= len(self._route)
            or self._tasks is None
            or not _may_fall_back(self._route[following], error)
        ):
            raise _all_failed([*self._failures, error])
        self._failures.append(error)
        self._stop = following
        for pending in self._pending:
            if pending.attempt.stop is not None:
                pending.attempt.scope.cancel()
                self._start(pending)
        return SegmentBroken(take.segment, self._route[failed], self._route[following], error)

    async def _take_in(self) -> None:
        """Read the text and start on its segments, as far ahead as there is room."""
        count, previous = 0, ""
        try:
            async for segment in self._segments:
                take = _Take(segment, previous)
                previous = segment.text or previous
                if segment.text:
                    await self._room()
                    self._pending.append(take)
                    self._start(take)
                else:
                    self._pending.append(take)
                count += 1
                self._notify()
        except Exception as exc:  # noqa: BLE001 - the text's source is the caller's code; raised to the caller
            self._input_error = exc
        else:
            self.segments_known = count
            self._input_ended = True
        self._notify()

    async def _room(self) -> None:
        """Wait until one more segment may be worked on."""
        while not self._has_room():
            await self._moved_on()

    def _has_room(self) -> bool:
        running = sum(not take.attempt.ended for take in self._pending)
        unread = sum(take.attempt.unread_seconds for take in self._pending)
        if not self._pending:
            return True
        return running < self._route[self._stop].engine.concurrency and unread < self._limits.buffer_seconds

    def _start(self, take: _Take) -> None:
        take.attempt = _Attempt(self._route[self._stop], self._stop)
        if self._tasks is not None:
            self._tasks.start_soon(self._speak, take, take.attempt)

    async def _speak(self, take: _Take, attempt: _Attempt) -> None:
        with attempt.scope:
            try:
                await self._generate(take, attempt)
            except TTSHubError as exc:
                attempt.error = exc
            except Exception as exc:  # noqa: BLE001 - an engine is a stranger's code; told to the reader
                attempt.error = _generation_error(attempt, exc)
        attempt.ended = True
        self._notify()

    async def _generate(self, take: _Take, attempt: _Attempt) -> None:
        engine = self._route[attempt.stop_index].engine
        urgent = take is self._pending[0]
        with ExitStack() as line:
            if urgent and not self._delivered_audio:
                line.enter_context(engine.newcomer())
            speaker = attempt.speaker = await self._speaker(attempt.stop_index)
            async with engine.turn(first=urgent):
                line.close()
                if self.first_turn_at is None:
                    self.first_turn_at = anyio.current_time()
                with self.clock:
                    await self._run_backend(speaker, self._segment_request(speaker, take), attempt)

    async def _run_backend(self, speaker: Speaker, request: SegmentRequest, attempt: _Attempt) -> None:
        attempt.alive_at = anyio.current_time()
        self._notify()
        peak = 0.0
        async with aclosing(speaker.backend.generate_stream(request, self._tell)) as audio:
            async for chunk in audio:
                peak = max(peak, _checked_peak(chunk, speaker))
                attempt.put(chunk)
                speaker.engine.sign_of_life()
                self._notify()
        if peak < SILENT_PEAK and any(c.isalnum() for c in request.text):
            raise NoAudioError(
                f"engine {speaker.engine.name!r} made no sound for segment {request.index} "
                f"({len(request.text)} characters)",
                backend=speaker.engine.name,
            )

    async def _speaker(self, index: int) -> Speaker:
        """The engine of a stop, loaded, with the request's voice and options resolved for it."""
        async with self._speaker_lock:
            if index not in self._speakers:
                stop = self._route[index]
                self._users.enter_context(stop.engine.in_use())
                try:
                    self._speakers[index] = await prepare_speaker(
                        stop, self._request, self._tell, self._speakers.get(index - 1)
                    )
                except InvalidRequestError as exc:
                    if not stop.stands_in:
                        raise
                    message = f"engine {stop.engine.name!r} cannot take over: {exc}"
                    raise BackendUnavailableError(message, backend=stop.engine.name) from exc
            return self._speakers[index]

    def _segment_request(self, speaker: Speaker, take: _Take) -> SegmentRequest:
        return SegmentRequest(
            text=take.segment.text,
            voice=speaker.voice,
            model=speaker.model,
            language=self._request.language or speaker.voice.language,
            speed=speaker.speed,
            markup=self._request.markup,
            instructions=self._request.instructions,
            seed=self._request.seed,
            options=speaker.options,
            index=take.segment.index,
            request_id=self._request_id,
            previous_text=take.previous_text,
        )

    def _notify(self) -> None:
        self._moved.set()
        self._moved = anyio.Event()

    async def _moved_on(self) -> None:
        await self._moved.wait()

    async def _moved_on_or_stalled(self, attempt: _Attempt) -> None:
        """Wait for news; an engine that is at work but gives nothing for too long counts as failed."""
        limit = self._limits.stall_timeout
        patience = math.inf if attempt.alive_at is None else attempt.alive_at + limit - anyio.current_time()
        with anyio.move_on_after(max(0.0, patience)) as wait:
            await self._moved_on()
        silent_for = anyio.current_time() - (attempt.alive_at or math.inf)
        if wait.cancelled_caught and silent_for >= limit and not attempt.ended:
            attempt.scope.cancel()
            name = self._route[attempt.stop_index].engine.name
            attempt.error = StalledError(f"engine {name!r} gave no audio for {limit:g} s", backend=name)


class BusyClock:
    """Counts the time in which at least one of its users was inside."""

    def __init__(self) -> None:
        self._inside = 0
        self._since = 0.0
        self._total = 0.0

    @property
    def seconds(self) -> float:
        """Counted so far."""
        return self._total + (anyio.current_time() - self._since if self._inside else 0.0)

    def __enter__(self) -> None:
        if not self._inside:
            self._since = anyio.current_time()
        self._inside += 1

    def __exit__(self, *exc: object) -> None:
        self._inside -= 1
        if not self._inside:
            self._total += anyio.current_time() - self._since


class _Take:
    """A segment, and the attempt at speaking it that counts."""

    def __init__(self, segment: Segment, previous_text: str) -> None:
        self.segment = segment
        self.previous_text = previous_text
        self.attempt = _Attempt(None, 0)
        self.attempt.ended = True


class _Attempt:
    """One engine's work on one segment, and what of it is unread."""

    def __init__(self, stop: Stop | None, stop_index: int) -> None:
        self.stop = stop
        self.stop_index = stop_index
        self.speaker: Speaker | None = None
        self.scope = anyio.CancelScope()
        self.chunks: deque[AudioChunk] = deque()
        self.unread_seconds = 0.0
        self.announced = False
        self.alive_at: float | None = None
        self.ended = False
        self.error: TTSHubError | None = None

    def put(self, chunk: AudioChunk) -> None:
        self.alive_at = anyio.current_time()
        self.unread_seconds += chunk.seconds
        self.chunks.append(chunk)


def _may_fall_back(following: Stop, error: BackendError) -> bool:
    """The other candidates of `auto` stand in for an engine that cannot start, not for one that fails."""
    return not following.only_at_start or isinstance(error, BackendUnavailableError)


def _checked_peak(chunk: AudioChunk, speaker: Speaker) -> float:
    """The largest magnitude of a chunk.

    Raises:
        GenerationError: the samples are not mono float32, or not finite.
    """
    samples, name = chunk.samples, speaker.engine.name
    if samples.dtype != np.float32 or samples.ndim != 1 or chunk.sample_rate <= 0:
        raise GenerationError(
            f"engine {name!r} gave {samples.dtype} samples of shape {samples.shape} "
            f"at {chunk.sample_rate} Hz where mono float32 of shape (T,) belongs",
            backend=name,
        )
    peak = float(np.max(np.abs(samples), initial=0.0))
    if not math.isfinite(peak):
        raise GenerationError(f"engine {name!r} gave samples that are not finite numbers", backend=name)
    return peak


def _generation_error(attempt: _Attempt, exc: Exception) -> GenerationError:
    name = attempt.stop.engine.name if attempt.stop is not None else ""
    error = GenerationError(f"engine {name!r} failed: {type(exc).__name__}: {exc}", backend=name)
    error.__cause__ = exc
    return error


def _all_failed(errors: Sequence[BackendError]) -> BackendError:
    """What to raise when nobody is left: the failure itself, or all of them in one line."""
    if len(errors) == 1:
        return errors[0]
    message = "; then ".join(str(error) for error in errors)
    kind = BackendUnavailableError if isinstance(errors[-1], BackendUnavailableError) else GenerationError
    failure = kind(message, backend=errors[0].backend)
    failure.__cause__ = errors[-1]
    return failure
