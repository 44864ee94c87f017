"""The one thread in which a model speaks: segments join and leave T3's batch, and take turns in the rest.

What comes next is chosen by who waits for it: the first chunk of a new request, then whoever runs dry first.

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
from functools import partial
from typing import TypeVar

import torch

from tts_hub.errors import BackendUnavailableError, QueueTimeoutError
from tts_hub_chatterbox.memory import memory_told
from tts_hub_chatterbox.model import Chatterbox
from tts_hub_chatterbox.pacing import Costs, Listener, soonest
from tts_hub_chatterbox.speaking import Speaking, Voicebox
from tts_hub_chatterbox.speech import Ended, Speech

STEPS_BETWEEN_JOINS = 4
"""Of the others, before one more of a running request joins: each must read its text first."""
MARGIN = 1.5
"""Times what a chunk takes, before a reader runs dry: then it must not wait for anybody else."""
POLL = 0.05
"""Seconds between two looks at whether there is room for who waits, while there is nothing else to do."""
logger = logging.getLogger(__name__)
T = TypeVar("T")


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
            room_timeout: seconds that they wait so.
        """
        self._load = load
        self._rows = rows
        self._speech_tokens = speech_tokens
        self._threads = threads
        self._hold_real_time = hold_real_time
        self._room_timeout = room_timeout
        self._inbox: queue.SimpleQueue[Speech | Callable[[], None] | None] = queue.SimpleQueue()
        self._waiting: list[Speaking] = []
        """Without a row yet, or without one for their next take."""
        self._speaking: list[Speaking] = []
        """All others that are not at their end."""
        self._listeners: dict[str, Listener] = {}
        self.costs = Costs()
        self._steps_since_join = 0
        self._closed = threading.Event()
        loaded: Future[None] = Future()
        self._thread = threading.Thread(
            target=self._run, args=(loaded,), name="tts-hub-chatterbox", daemon=True
        )
        self._thread.start()
        loaded.result()

    @property
    def model(self) -> Chatterbox:
        """What it speaks with."""
        return self._voicebox.model

    def submit(self, speech: Speech) -> None:
        """Speak it; its news tell how that goes. From any thread."""
        if self._closed.is_set():
            speech.news.put(Ended(_closed()))
        else:
            self._inbox.put(speech)

    def run(self, work: Callable[[], T]) -> T:
        """Do something else with the model between two steps; blocks until it is done, and raises as it does.

        Raises:
            BackendUnavailableError: the loop is closed.
        """
        done: Future[T] = Future()

        def call() -> None:
            try:
                done.set_result(work())
            except Exception as exc:  # noqa: BLE001 - carried over to the caller, whatever it is
                done.set_exception(exc)

        self._inbox.put(call)
        while True:
            try:
                return done.result(timeout=POLL)
            except TimeoutError:
                if done.done():
                    raise
                if not self._thread.is_alive():
                    raise _closed() from None

    def close(self) -> None:
        """End all speech and the thread; blocks for the step under way."""
        self._closed.set()
        self._inbox.put(None)
        self._thread.join()

    # --- the thread ---

    def _run(self, loaded: Future[None]) -> None:
        try:
            if self._threads is not None:
                torch.set_num_threads(self._threads)
            self._voicebox = self._load()
            self._device = self._voicebox.model.device
            self._batch = self._voicebox.model.batch(rows=self._rows, speech_tokens=self._speech_tokens)
        except BaseException as exc:  # noqa: BLE001 - carried over to who waits for it, whatever it is
            self._closed.set()
            loaded.set_exception(exc)
            return
        loaded.set_result(None)
        try:
            while not self._closed.is_set():
                self._take_in()
                self._drop()
                self._work()
        except Exception:
            logger.exception("the loop of Chatterbox has ended")
        finally:
            self._closed.set()
            self._end_all()

    def _take_in(self) -> None:
        """New segments; waits for one when there is nothing else to do."""
        idle = not self._waiting and not self._speaking
        try:
            while True:
                came = self._inbox.get(block=idle)
                if came is None:
                    return
                if not isinstance(came, Speech):
                    came()
                    continue
                idle = False
                self._waiting.append(Speaking(came, self._voicebox))
                self._listeners.setdefault(came.request_id, Listener())
        except queue.Empty:
            pass

    def _drop(self) -> None:
        """Those that nobody listens to any more, and those at their end."""
        for each in self._all():
            if each.speech.given_up.is_set():
                each.leave(self._batch)
                each.speech.news.put(Ended())
        self._waiting = [w for w in self._waiting if not (w.ended or w.speech.given_up.is_set())]
        self._speaking = [s for s in self._speaking if not (s.ended or s.speech.given_up.is_set())]
        active = {each.speech.request_id for each in self._all()}
        # A request whose next segment has not come yet is remembered until another takes its place.
        for request_id in [r for r in self._listeners if r not in active][:-64]:
            del self._listeners[request_id]

    def _work(self) -> None:
        """The one thing that is to be done next."""
        now = time.monotonic()
        self._refuse_late(now)
        joining = self._next_to_join(now)
        chunk = self._next_chunk(now)
        step_by = soonest(self._due(s, now)[1] for s in self._speaking if s.has_row)
        newcomer_steps = any(s.is_new and s.has_row for s in self._speaking)
        if joining is not None and joining.is_new:
            self._join(joining)
        elif chunk is not None and (
            not len(self._batch) or self._due(chunk, now) <= (1 if newcomer_steps else 2, step_by)
        ):
            self._render(chunk)
        elif joining is not None and (self._steps_since_join >= STEPS_BETWEEN_JOINS or not len(self._batch)):
            self._join(joining)
        elif len(self._batch):
            self._step()
        elif self._waiting:
            time.sleep(POLL)

    def _due(self, speaking: Speaking, now: float) -> tuple[int, float]:
        """How urgent: who is about to run dry, then first chunks, then all others by when they run dry."""
        speech = speaking.speech
        moment = self._listeners[speech.request_id].runs_dry(speech.index, speaking.sent)
        if moment is None:
            return (1 if speech.index == 0 else 2, speaking.arrived_at)
        return (0 if moment - now < MARGIN * self.costs.chunk else 2, moment)

    def _next_chunk(self, now: float) -> Speaking | None:
        """The most urgent of those that can have a chunk made."""
        ready = [s for s in self._speaking if s.wanted]
        return min(ready, key=lambda s: self._due(s, now), default=None)

    def _next_to_join(self, now: float) -> Speaking | None:
        """Newcomers first, then who is heard next; nobody beside the first chunk of a newcomer."""
        if self._batch.is_full:
            return None
        waiting = sorted(self._waiting, key=lambda w: self._due(w, now))
        first = next((w for w in waiting if self._has_room(w)), None)
        if first is None or first.is_new:
            return first
        return None if any(s.is_new for s in self._speaking) else first

    def _has_room(self, speaking: Speaking) -> bool:
        """Whether its request is under way already, or all can still be spoken as fast as they are heard."""
        active = {s.speech.request_id for s in self._speaking}
        if speaking.speech.request_id in active or not active or not self._hold_real_time:
            return True
        return self.costs.load(len(active) + 1) <= 1

    def _refuse_late(self, now: float) -> None:
        for waiting in self._waiting:
            if now - waiting.arrived_at > self._room_timeout:
                error = QueueTimeoutError(
                    f"no room for one more voice in real time within {self._room_timeout:g} s",
                    retry_after=max(1.0, self._room_timeout / 2),
                )
                waiting.fail(error, self._batch)

    # --- work ---

    def _join(self, speaking: Speaking) -> None:
        self._steps_since_join = 0
        self._waiting.remove(speaking)
        self._speaking.append(speaking)
        self._contained(speaking, partial(speaking.join, self._batch))
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
        listener = self._listeners[speaking.speech.request_id]
        if made:
            self.costs.chunk_took(time.monotonic() - began, made[0])
        if speaking.sent and listener.began_at is None:
            listener.began_at = time.monotonic()
        self._note(speaking)

    def _note(self, speaking: Speaking) -> None:
        """What it has come to, and whether it must begin anew."""
        if not (speaking.has_row or speaking.decoded or speaking.ended):
            self._speaking.remove(speaking)
            self._waiting.append(speaking)
        speech = speaking.speech
        self._listeners[speech.request_id].seconds[speech.index] = max(
            speaking.sent, speaking.expected_seconds
        )

    def _contained(self, speaking: Speaking, work: Callable[[], None]) -> None:
        """What goes wrong in one segment is told to its reader alone."""
        try:
            with memory_told("chatterbox", self._device):
                work()
        except Exception as exc:  # noqa: BLE001 - carried over to the reader, whatever it is
            speaking.fail(exc, self._batch)

    def _all(self) -> Iterator[Speaking]:
        yield from self._waiting
        yield from self._speaking

    def _end_all(self) -> None:
        for speaking in self._all():
            if not speaking.ended:
                speaking.speech.news.put(Ended(_closed()))
        while True:
            try:
                came = self._inbox.get_nowait()
            except queue.Empty:
                return
            if isinstance(came, Speech):
                came.news.put(Ended(_closed()))


def _closed() -> BackendUnavailableError:
    return BackendUnavailableError("Chatterbox has been unloaded", backend="chatterbox")
