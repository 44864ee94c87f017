"""The one thread in which a model runs: segments share T3's batch, and take turns in the other nets.

The model is also loaded here, and clips are turned into conditionings here. Torch starts a pool of helper
threads for each thread that computes in parallel, and with more of them than cores every single operation
waits for one of them to wake up.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import torch

from tts_hub.errors import BackendUnavailableError, QueueTimeoutError
from tts_hub_chatterbox.memory import free_memory, translate_out_of_memory, translate_out_of_memory_on_load
from tts_hub_chatterbox.scheduler.pipeline import Pipeline
from tts_hub_chatterbox.scheduler.playback import Playback
from tts_hub_chatterbox.scheduler.schedule import Schedule
from tts_hub_chatterbox.scheduler.segment import Ended, Segment
from tts_hub_chatterbox.scheduler.segment_state import SegmentState
from tts_hub_chatterbox.scheduler.step_times import StepTimes

if TYPE_CHECKING:
    from tts_hub_chatterbox.model import Chatterbox
    from tts_hub_chatterbox.t3.batch import T3Batch

POLL_SECONDS = 0.05
"""How often an idle loop checks whether a waiting request can be admitted."""
MAX_CALL_WAIT = 2.0
"""Seconds that a call waits while a client's audio is about to run out."""
IDLE_REQUESTS_KEPT = 64
"""Requests without a segment in the loop that are kept, as their next segment may come."""
logger = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """A function that is called in the loop's thread, between two pieces of work for segments."""

    function: Callable[[], Any]
    result: Future[Any] = field(default_factory=Future)
    arrived_at: float = field(default_factory=time.monotonic)

    def run(self) -> None:
        """Call the function; what it raises is raised where the result is waited for."""
        try:
            self.result.set_result(self.function())
        except Exception as exc:  # noqa: BLE001 - see above
            self.result.set_exception(exc)


class SpeechLoop:
    """Speaks the segments that are submitted, several at a time."""

    def __init__(
        self,
        load: Callable[[], Pipeline],
        *,
        rows: int,
        speech_tokens: int,
        threads: int | None = None,
        hold_real_time: bool = True,
        room_timeout: float = 30.0,
    ) -> None:
        """Start the thread, and wait until it has loaded; raises what `load` raises.

        Args:
            load: called in the thread.
            rows: segments in T3's batch at once.
            speech_tokens: the most tokens of a segment.
            threads: processor threads that compute; none: torch's choice.
            hold_real_time: let requests wait while one more would be spoken slower than it is played.
            room_timeout: seconds after which a request that waits so fails with a `QueueTimeoutError`.
        """
        self.step_times = StepTimes()
        self.failed = False
        """Whether the loop was ended by an error of its own."""
        self._rows = rows
        self._speech_tokens = speech_tokens
        self._threads = threads
        self._hold_real_time = hold_real_time
        self._room_timeout = room_timeout
        self._inbox: queue.SimpleQueue[Segment | Call | None] = queue.SimpleQueue()
        self._inbox_lock = threading.Lock()
        """Held to put something into the inbox, and to close it."""
        self._is_closed = False
        self._waiting: list[SegmentState] = []
        """Segments without a row in the batch yet, or without one for their next take."""
        self._running: list[SegmentState] = []
        """All other segments that have not ended."""
        self._calls: list[Call] = []
        self._playbacks: dict[str, Playback] = {}
        """Playbacks by the request's id."""
        self._steps_since_prefill = 0
        loaded: Future[None] = Future()
        self._thread = threading.Thread(
            target=self._run, args=(load, loaded), name="tts-hub-chatterbox", daemon=True
        )
        self._thread.start()
        loaded.result()

    @property
    def model(self) -> Chatterbox:
        """The model that speaks."""
        return self._pipeline.model

    def submit(self, segment: Segment) -> None:
        """Speak a segment, whose events report how that goes. From any thread."""
        with self._inbox_lock:
            if not self._is_closed:
                self._inbox.put(segment)
                return
        segment.events.put(Ended(self._closed_error()))

    def run(self, function: Callable[[], T]) -> T:
        """Call a function between two steps; blocks for its result, and raises what it raises.

        Raises:
            BackendUnavailableError: the loop is closed.
        """
        call = Call(function)
        with self._inbox_lock:
            if self._is_closed:
                raise self._closed_error()
            self._inbox.put(call)
        result: T = call.result.result()
        return result

    def warm_up(self) -> None:
        """Prepare what speech needs at first use."""
        self.run(self._pipeline.warm_up)
        self.run(lambda: None if len(self._batch) else self._batch.warm_up())

    def close(self) -> None:
        """End all segments and the thread; blocks for the step under way."""
        with self._inbox_lock:
            self._is_closed = True
        self._inbox.put(None)
        self._thread.join()

    # --- the thread ---

    def _run(self, load: Callable[[], Pipeline], loaded: Future[None]) -> None:
        try:
            if self._threads is not None:
                torch.set_num_threads(self._threads)
            self._pipeline, self._batch = self._prepare(load)
        except BaseException as exc:  # noqa: BLE001 - raised in the thread that waits for it, whatever it is
            self._is_closed = True
            free_memory()
            loaded.set_exception(exc)
            return
        loaded.set_result(None)
        try:
            while not self._is_closed:
                self._receive()
                self._drop_ended()
                self._work()
        except Exception:
            self.failed = True
            logger.exception("the loop of Chatterbox has failed")
        finally:
            with self._inbox_lock:
                self._is_closed = True
            self._end_all()

    def _prepare(self, load: Callable[[], Pipeline]) -> tuple[Pipeline, T3Batch]:
        pipeline = load()
        model = pipeline.model
        with translate_out_of_memory_on_load("chatterbox", model.device):
            return pipeline, model.batch(rows=self._rows, speech_tokens=self._speech_tokens)

    def _receive(self) -> None:
        """Take new segments and calls from the inbox; waits for one when there is nothing else to do."""
        idle = not (self._waiting or self._running or self._calls)
        while True:
            try:
                received = self._inbox.get(block=idle)
            except queue.Empty:
                return
            idle = False
            if isinstance(received, Segment):
                self._waiting.append(SegmentState(received, self._pipeline, self._playback(received)))
            elif received is not None:
                self._calls.append(received)

    def _playback(self, segment: Segment) -> Playback:
        """The playback of a segment's request; a first segment begins one, as clients may use an id twice."""
        if segment.index == 0 or segment.request_id not in self._playbacks:
            self._playbacks.pop(segment.request_id, None)
            self._playbacks[segment.request_id] = Playback()
        return self._playbacks[segment.request_id]

    def _drop_ended(self) -> None:
        """Forget the segments that were cancelled or have ended."""
        for state in self._all():
            if state.segment.cancelled.is_set() and not state.ended:
                state.cancel(self._batch)
        self._waiting = [state for state in self._waiting if not state.ended]
        self._running = [state for state in self._running if not state.ended]
        active = {state.playback for state in self._all()}
        idle = [request_id for request_id, kept in self._playbacks.items() if kept not in active]
        for request_id in idle[:-IDLE_REQUESTS_KEPT]:
            del self._playbacks[request_id]

    def _work(self) -> None:
        """Do the most urgent piece of work."""
        now = time.monotonic()
        schedule = Schedule(
            self._waiting, self._running, self.step_times, now, holds_real_time=self._hold_real_time
        )
        if self._calls and (
            now - self._calls[0].arrived_at > MAX_CALL_WAIT or not schedule.is_underrun_near()
        ):
            self._calls.pop(0).run()
            return
        choice = schedule.choose(is_full=self._batch.is_full, steps_since_prefill=self._steps_since_prefill)
        if choice.work == "prefill" and choice.state is not None:
            self._prefill(choice.state)
        elif choice.work == "render" and choice.state is not None:
            self._render(choice.state)
        elif choice.work == "decode":
            self._decode()
        elif self._waiting:
            time.sleep(POLL_SECONDS)
        self._refuse_late(schedule, now)

    # --- work ---

    def _prefill(self, state: SegmentState) -> None:
        began = time.monotonic()
        self._steps_since_prefill = 0
        self._waiting.remove(state)
        self._running.append(state)
        self._contain(state, partial(state.prefill, self._batch))
        self.step_times.add_prefill(time.monotonic() - began)
        self._update(state)

    def _decode(self) -> None:
        began = time.monotonic()
        rows = len(self._batch)
        results = self._batch.step()
        self.step_times.add_step(rows, time.monotonic() - began)
        self._steps_since_prefill += 1
        for result, state in [(r, s) for r in results for s in self._running if s.holds(r.row)]:
            if result.error is not None:
                state.fail(result.error, self._batch)
            else:
                self._contain(state, partial(state.accept, result.token, self._batch))
            self._update(state)

    def _render(self, state: SegmentState) -> None:
        began = time.monotonic()
        rendered: list[float] = []
        self._contain(state, lambda: rendered.append(state.render(self._batch)))
        now = time.monotonic()
        if rendered:
            self.step_times.add_chunk(now - began, rendered[0])
        if state.sent and state.playback.began_at is None:
            state.playback.began_at = now
        self._update(state)

    def _update(self, state: SegmentState) -> None:
        """Note how long the segment will be, and let it wait again if it begins another take."""
        if not (state.has_row or state.decoded or state.ended):
            self._running.remove(state)
            self._waiting.append(state)
        state.playback.seconds[state.segment.index] = max(state.sent, state.expected_seconds)

    def _refuse_late(self, schedule: Schedule, now: float) -> None:
        for state in self._waiting:
            if now - state.arrived_at > self._room_timeout and schedule.lacks_room(state):
                error = QueueTimeoutError(
                    f"no capacity for one more voice in real time within {self._room_timeout:g} s",
                    retry_after=max(1.0, self._room_timeout / 2),
                )
                state.fail(error, self._batch)

    def _contain(self, state: SegmentState, work: Callable[[], None]) -> None:
        """Do work for one segment; an error fails this segment alone."""
        try:
            with translate_out_of_memory("chatterbox", self.model.device):
                work()
        except Exception as exc:  # noqa: BLE001 - raised in the reader of the segment, whatever it is
            state.fail(exc, self._batch)

    def _all(self) -> Iterator[SegmentState]:
        yield from self._waiting
        yield from self._running

    # --- the end ---

    def _end_all(self) -> None:
        """Fail all that is still in the loop or its inbox, which is closed by now."""
        error = self._closed_error()
        for state in self._all():
            if not state.ended:
                state.segment.events.put(Ended(error))
        calls = self._calls
        while not self._inbox.empty():
            received = self._inbox.get()
            if isinstance(received, Segment):
                received.events.put(Ended(error))
            elif received is not None:
                calls.append(received)
        for call in calls:
            call.result.set_exception(error)

    def _closed_error(self) -> BackendUnavailableError:
        reason = "has failed, and is being loaded again" if self.failed else "has been unloaded"
        return BackendUnavailableError(f"Chatterbox {reason}", backend="chatterbox")
