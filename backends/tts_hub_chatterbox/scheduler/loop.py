"""The one thread in which a model speaks: segments join and leave T3's batch, and take turns in the rest.

A model is also loaded here, and listens to clips here: each thread that lets torch compute in parallel gets
helpers of its own, and with more of them than cores every single operation waits for somebody to wake up.
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
from tts_hub_chatterbox.memory import free_memory, loading_memory_told, memory_told
from tts_hub_chatterbox.scheduler.pipeline import Voicebox
from tts_hub_chatterbox.scheduler.playback import Listener
from tts_hub_chatterbox.scheduler.schedule import Schedule
from tts_hub_chatterbox.scheduler.speaking import Speaking
from tts_hub_chatterbox.scheduler.speech import Ended, Speech
from tts_hub_chatterbox.scheduler.step_times import Costs

if TYPE_CHECKING:
    from tts_hub_chatterbox.model import Chatterbox
    from tts_hub_chatterbox.t3.batch import T3Batch

POLL = 0.05
"""Seconds between two looks at whether there is room for who waits, while there is nothing else to do."""
PATIENCE = 2.0
"""Seconds that an errand waits for who is running dry."""
REMEMBERED = 64
"""Requests without a segment at work whose next segment may come."""
logger = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Errand:
    """Something else that is done with the model, between two pieces of speech."""

    work: Callable[[], Any]
    done: Future[Any] = field(default_factory=Future)
    came_at: float = field(default_factory=time.monotonic)

    def run(self) -> None:
        """Do it; what it raises is raised where it is waited for."""
        try:
            self.done.set_result(self.work())
        except Exception as exc:  # noqa: BLE001 - see above
            self.done.set_exception(exc)


class SpeechLoop:
    """Speaks what is submitted, several segments at a time."""

    def __init__(
        self,
        load: Callable[[], Voicebox],
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
            rows: segments at once.
            speech_tokens: of one of them at most.
            threads: of the processor that compute; none: torch's choice.
            hold_real_time: requests wait while one more would be spoken slower than it is heard.
            room_timeout: seconds after which a request that waits so gets a `QueueTimeoutError`.
        """
        self.costs = Costs()
        self.failed = False
        """It ended by an error of its own."""
        self._rows = rows
        self._speech_tokens = speech_tokens
        self._threads = threads
        self._hold_real_time = hold_real_time
        self._room_timeout = room_timeout
        self._inbox: queue.SimpleQueue[Speech | Errand | None] = queue.SimpleQueue()
        self._door = threading.Lock()
        """Nobody comes in while it is being closed."""
        self._is_closed = False
        self._waiting: list[Speaking] = []
        """Without a row yet, or without one for their next take."""
        self._speaking: list[Speaking] = []
        """All others that are not at their end."""
        self._errands: list[Errand] = []
        self._listeners: dict[str, Listener] = {}
        self._steps_since_join = 0
        loaded: Future[None] = Future()
        self._thread = threading.Thread(
            target=self._run, args=(load, loaded), name="tts-hub-chatterbox", daemon=True
        )
        self._thread.start()
        loaded.result()

    @property
    def model(self) -> Chatterbox:
        """What it speaks with."""
        return self._voicebox.model

    def submit(self, speech: Speech) -> None:
        """Speak it; its news tell how that goes. From any thread."""
        with self._door:
            if not self._is_closed:
                self._inbox.put(speech)
                return
        speech.news.put(Ended(self._closed_error()))

    def run(self, work: Callable[[], T]) -> T:
        """Do something else with the model between two steps; blocks until it is done, and raises as it does.

        Raises:
            BackendUnavailableError: the loop is closed.
        """
        errand = Errand(work)
        with self._door:
            if self._is_closed:
                raise self._closed_error()
            self._inbox.put(errand)
        result: T = errand.done.result()
        return result

    def warm_up(self) -> None:
        """Prepare what speech needs at first use."""
        self.run(self._voicebox.warm_up)
        self.run(lambda: None if len(self._batch) else self._batch.warm_up())

    def close(self) -> None:
        """End all speech and the thread; blocks for the step under way."""
        with self._door:
            self._is_closed = True
        self._inbox.put(None)
        self._thread.join()

    # --- the thread ---

    def _run(self, load: Callable[[], Voicebox], loaded: Future[None]) -> None:
        try:
            if self._threads is not None:
                torch.set_num_threads(self._threads)
            self._voicebox, self._batch = self._prepared(load)
        except BaseException as exc:  # noqa: BLE001 - carried over to who waits for it, whatever it is
            self._is_closed = True
            free_memory()
            loaded.set_exception(exc)
            return
        loaded.set_result(None)
        try:
            while not self._is_closed:
                self._take_in()
                self._drop()
                self._work()
        except Exception:
            self.failed = True
            logger.exception("the loop of Chatterbox has failed")
        finally:
            with self._door:
                self._is_closed = True
            self._end_all()

    def _prepared(self, load: Callable[[], Voicebox]) -> tuple[Voicebox, T3Batch]:
        voicebox = load()
        model = voicebox.model
        with loading_memory_told("chatterbox", model.device):
            return voicebox, model.batch(rows=self._rows, speech_tokens=self._speech_tokens)

    def _take_in(self) -> None:
        """New segments and errands; waits for one when there is nothing else to do."""
        idle = not (self._waiting or self._speaking or self._errands)
        while True:
            try:
                came = self._inbox.get(block=idle)
            except queue.Empty:
                return
            idle = False
            if isinstance(came, Speech):
                self._waiting.append(Speaking(came, self._voicebox, self._listener(came)))
            elif came is not None:
                self._errands.append(came)

    def _listener(self, speech: Speech) -> Listener:
        """Of the request; one that begins has a new one, as clients may use an id twice."""
        if speech.index == 0 or speech.request_id not in self._listeners:
            self._listeners.pop(speech.request_id, None)
            self._listeners[speech.request_id] = Listener()
        return self._listeners[speech.request_id]

    def _drop(self) -> None:
        """Those that nobody listens to any more, and those at their end."""
        for each in self._all():
            if each.speech.given_up.is_set() and not each.ended:
                each.give_up(self._batch)
        self._waiting = [w for w in self._waiting if not w.ended]
        self._speaking = [s for s in self._speaking if not s.ended]
        active = {each.listener for each in self._all()}
        idle = [request_id for request_id, kept in self._listeners.items() if kept not in active]
        for request_id in idle[:-REMEMBERED]:
            del self._listeners[request_id]

    def _work(self) -> None:
        """The one thing that is to be done next."""
        now = time.monotonic()
        schedule = Schedule(
            self._waiting, self._speaking, self.costs, now, holds_real_time=self._hold_real_time
        )
        if self._errands and (
            now - self._errands[0].came_at > PATIENCE or not schedule.is_anybody_running_dry()
        ):
            self._errands.pop(0).run()
            return
        choice = schedule.choose(is_full=self._batch.is_full, steps_since_join=self._steps_since_join)
        if choice.work == "join" and choice.speaking is not None:
            self._join(choice.speaking)
        elif choice.work == "chunk" and choice.speaking is not None:
            self._render(choice.speaking)
        elif choice.work == "step":
            self._step()
        elif self._waiting:
            time.sleep(POLL)
        self._refuse_late(schedule, now)

    # --- work ---

    def _join(self, speaking: Speaking) -> None:
        began = time.monotonic()
        self._steps_since_join = 0
        self._waiting.remove(speaking)
        self._speaking.append(speaking)
        self._contained(speaking, partial(speaking.join, self._batch))
        self.costs.join_took(time.monotonic() - began)
        self._note(speaking)

    def _step(self) -> None:
        began = time.monotonic()
        rows = len(self._batch)
        drawn = self._batch.step()
        self.costs.step_took(rows, time.monotonic() - began)
        self._steps_since_join += 1
        for each, speaking in [(d, s) for d in drawn for s in self._speaking if s.holds(d.row)]:
            if each.error is not None:
                speaking.fail(each.error, self._batch)
            else:
                self._contained(speaking, partial(speaking.take, each.token, self._batch))
            self._note(speaking)

    def _render(self, speaking: Speaking) -> None:
        began = time.monotonic()
        made: list[float] = []
        self._contained(speaking, lambda: made.append(speaking.render(self._batch)))
        now = time.monotonic()
        if made:
            self.costs.chunk_took(now - began, made[0])
        if speaking.sent and speaking.listener.began_at is None:
            speaking.listener.began_at = now
        self._note(speaking)

    def _note(self, speaking: Speaking) -> None:
        """What it has come to, and whether it must begin anew."""
        if not (speaking.has_row or speaking.decoded or speaking.ended):
            self._speaking.remove(speaking)
            self._waiting.append(speaking)
        seconds = max(speaking.sent, speaking.expected_seconds)
        speaking.listener.seconds[speaking.speech.index] = seconds

    def _refuse_late(self, schedule: Schedule, now: float) -> None:
        for waiting in self._waiting:
            if now - waiting.arrived_at > self._room_timeout and schedule.lacks_room(waiting):
                error = QueueTimeoutError(
                    f"no capacity for one more voice in real time within {self._room_timeout:g} s",
                    retry_after=max(1.0, self._room_timeout / 2),
                )
                waiting.fail(error, self._batch)

    def _contained(self, speaking: Speaking, work: Callable[[], None]) -> None:
        """What goes wrong in one segment is told to its reader alone."""
        try:
            with memory_told("chatterbox", self.model.device):
                work()
        except Exception as exc:  # noqa: BLE001 - carried over to the reader, whatever it is
            speaking.fail(exc, self._batch)

    def _all(self) -> Iterator[Speaking]:
        yield from self._waiting
        yield from self._speaking

    # --- the end ---

    def _end_all(self) -> None:
        """Nobody comes in any more; who is in is told."""
        error = self._closed_error()
        for speaking in self._all():
            if not speaking.ended:
                speaking.speech.news.put(Ended(error))
        errands = self._errands
        while not self._inbox.empty():
            came = self._inbox.get()
            if isinstance(came, Speech):
                came.news.put(Ended(error))
            elif came is not None:
                errands.append(came)
        for errand in errands:
            errand.done.set_exception(error)

    def _closed_error(self) -> BackendUnavailableError:
        reason = "has failed, and is being loaded again" if self.failed else "has been unloaded"
        return BackendUnavailableError(f"Chatterbox {reason}", backend="chatterbox")
