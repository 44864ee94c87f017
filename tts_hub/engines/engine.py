"""One engine at work: loaded once however many ask, slots shared out fairly, unloaded when idle."""

from __future__ import annotations

import logging
import math
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterable, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Literal, TypeVar

import anyio
from anyio.abc import TaskGroup

from tts_hub.backend import BackendOptions, TTSBackend
from tts_hub.config import LimitsConfig
from tts_hub.containment import contained, contained_call, described, ended_within
from tts_hub.cost.pricing import Price
from tts_hub.engines.declaration import checked_capabilities, checked_price, checked_voice, checked_voices
from tts_hub.engines.registry import Entry
from tts_hub.engines.slots import SlotQueue, Turn
from tts_hub.errors import (
    BackendError,
    BackendUnavailableError,
    QueueFullError,
    QueueTimeoutError,
    TTSHubError,
    UsageError,
)
from tts_hub.progress import ProgressCallback, ProgressEvent
from tts_hub.threads import left_behind
from tts_hub.types import Capabilities, Voice

EngineState = Literal["unloaded", "loading", "ready", "failed"]
RETRY_FAILED_AFTER = 30.0
"""Seconds for which `auto` leaves alone an engine that failed to load."""
CLOSE_SECONDS = 10.0
"""Seconds that an engine has to close."""
UNKNOWN = Capabilities()
"""What an engine can do that does not say it, or says nonsense."""
logger = logging.getLogger(__name__)
T = TypeVar("T")


class Engine:
    """The hub's side of one backend. Lives as long as the manager; the backend inside comes and goes."""

    def __init__(
        self, entry: Entry, limits: LimitsConfig, tasks: TaskGroup, *, warms_up: bool = False
    ) -> None:
        """With `warms_up` it speaks once unheard whenever it has been loaded."""
        self.name = entry.name
        self._warms_up = warms_up
        self._entry = entry
        self._approved = UNKNOWN
        """What was found in order last."""
        self._backend = entry.instance or self._made()
        self.state: EngineState = "unloaded"
        self.users = 0
        """Requests that are not at their end yet; an engine with users is not unloaded."""
        self.newcomers = 0
        """Requests that have not had their first turn yet."""
        self._limits = limits
        self._tasks = tasks
        self._slots = SlotQueue(self._concurrency())
        self._loading: _Loading | None = None
        self._lifecycle = anyio.Lock()
        self._last_used = anyio.current_time()
        self._last_sign = anyio.current_time()
        self._turn_seconds = 0.0
        self._aside: set[Turn] = set()
        self._beside: anyio.CancelScope | None = None

    @property
    def capabilities(self) -> Capabilities:
        """What it can do; `UNKNOWN` where its plugin does not import or says nonsense."""
        try:
            return self._capabilities(lambda backend: backend.capabilities)
        except TTSHubError:
            return UNKNOWN

    def capabilities_for(self, model: str) -> Capabilities:
        """What one of its models can do, as `capabilities`."""
        try:
            return self.checked_capabilities(model)
        except TTSHubError:
            return UNKNOWN

    def checked_capabilities(self, model: str) -> Capabilities:
        """What one of its models can do.

        Raises:
            BackendUnavailableError: it does not say, or says nonsense.
        """
        return self._capabilities(lambda backend: backend.capabilities_for(model))

    @property
    def configured_voice(self) -> str | None:
        """The voice that its section of the config names; None where the section is wrong too."""
        try:
            return self._entry.settings().voice
        except TTSHubError:
            return None

    @property
    def options_model(self) -> type[BackendOptions] | None:
        """What the options of a request are checked against; None where its plugin does not import."""
        return self._backend.Options if self._backend is not None else None

    def price(self, model: str) -> Price | None:
        """What one of its models costs; None: nothing.

        Raises:
            BackendUnavailableError: it does not say, or says nonsense.
        """
        if self._backend is None:
            return None
        return self._answer("tell its price", lambda backend: checked_price(backend.price(model), self.name))

    def known_models(self) -> tuple[str, ...]:
        """Exact model names, with those that it has come to know."""
        known: tuple[str, ...] = ()
        if self._backend is not None:
            with contained_call(
                lambda exc: logger.warning(
                    "engine %s does not list its models: %s", self.name, described(exc)
                )
            ):
                known = tuple(name for name in self._backend.known_models() if isinstance(name, str))
        return known or self._entry.models()

    @property
    def concurrency(self) -> int:
        """Segments it generates at once."""
        return self._slots.slots

    @property
    def active(self) -> int:
        """Segments it generates now."""
        return self._slots.taken

    def recently_failed(self) -> bool:
        """Whether its last load failed a short time ago."""
        return self.state == "failed" and anyio.current_time() - self._last_used < RETRY_FAILED_AFTER

    @property
    def silent_for(self) -> float:
        """Seconds since its last sign of life while it has work; 0 without work."""
        return anyio.current_time() - self._last_sign if self.active else 0.0

    def sign_of_life(self) -> None:
        """It has given something."""
        self._last_sign = anyio.current_time()

    @contextmanager
    def in_use(self) -> Generator[None, None, None]:
        """Keep it loaded while a request is under way."""
        self.users += 1
        try:
            yield
        finally:
            self.users -= 1
            self._last_used = anyio.current_time()

    async def loaded(self, on_progress: ProgressCallback) -> TTSBackend:
        """The backend, ready to speak. One load serves all who wait; a failed one is tried again.

        Raises:
            BackendUnavailableError: it cannot be loaded.
        """
        if self.state == "ready" and self._backend is not None:
            return self._backend
        if self._loading is None:
            self._loading = _Loading()
            self.state = "loading"
            self._tasks.start_soon(self._load, self._loading)
        loading = self._loading
        loading.listeners.append(on_progress)
        try:
            await loading.done.wait()
        finally:
            loading.listeners.remove(on_progress)
        if loading.error is not None:
            raise BackendUnavailableError(
                str(loading.error), backend=self.name, remedy=getattr(loading.error, "remedy", "")
            ) from loading.error
        return self._instance()

    async def voices(self) -> Sequence[Voice]:
        """The voices of the engine, which need not be loaded for that.

        Raises:
            BackendUnavailableError: it cannot run, or does not say.
        """

        async def ask(backend: TTSBackend) -> Sequence[Voice]:
            return checked_voices(await backend.voices(), self.name)

        return await self._asked(ask)

    async def find_voice(self, voice: str | None, language: str | None) -> Voice:
        """The voice that a request would get; the engine need not be loaded for that.

        Raises:
            BackendUnavailableError: it cannot run, or does not say.
            InvalidRequestError: there is none.
        """

        async def ask(backend: TTSBackend) -> Voice:
            return checked_voice(await backend.find_voice(voice, language), self.name)

        return await self._asked(ask)

    @contextmanager
    def newcomer(self) -> Generator[None, None, None]:
        """A place in the waiting line, from the arrival of a request to its first turn.

        Raises:
            QueueFullError: no place left.
        """
        free = max(0, self._slots.slots - self._slots.taken)
        if self.newcomers >= self._limits.max_queue + free:
            raise QueueFullError(
                f"engine {self.name!r} has {self.newcomers} requests waiting, the most it may have "
                f"(limits.max_queue = {self._limits.max_queue})",
                retry_after=self._wait_estimate(),
            )
        self.newcomers += 1
        try:
            yield
        finally:
            self.newcomers -= 1

    @asynccontextmanager
    async def turn(self, *, first: bool) -> AsyncGenerator[Turn, None]:
        """A slot to generate one segment in; it stays taken until threads that were left behind have ended.

        Raises:
            QueueTimeoutError: the first segment of a request waited too long.
        """
        try:
            with anyio.fail_after(self._limits.queue_timeout if first else None):
                await self._slots.acquire(first=first)
        except TimeoutError as exc:
            raise QueueTimeoutError(
                f"no free slot on engine {self.name!r} within {self._limits.queue_timeout:g} s",
                retry_after=self._wait_estimate(),
            ) from exc
        self._slots.resize(self._concurrency())  # a remote service tells it with its answers
        began = anyio.current_time()
        if self.active == 1:
            self.sign_of_life()
        turn = Turn(self._slots, self.capabilities.suspendable, self._aside)
        with left_behind() as threads:
            try:
                yield turn
            finally:
                self._note_turn(anyio.current_time() - began)
                if threads:
                    self._tasks.start_soon(self._end_later, turn, threads)
                else:
                    turn.end()

    async def unload_if_idle(self, seconds: float) -> None:
        """Give its memory back when nobody has used it for that long."""
        if self.state == "ready" and not self.users and anyio.current_time() - self._last_used >= seconds:
            await self.unload()

    async def unload(self) -> None:
        """Close the backend; the next request loads it again.

        Raises:
            UsageError: requests are using it.
        """
        if self.users:
            raise UsageError(f"engine {self.name!r} is in use by {self.users} requests")
        self.state = "unloaded"
        async with self._lifecycle:
            logger.info("unloading engine %s", self.name)
            await self.aclose()

    async def aclose(self) -> None:
        """Close the backend, whoever uses it; one that fails at it or takes too long is left behind."""
        self.state = "unloaded"
        if self._beside is not None:
            self._beside.cancel()
        if self._backend is None:
            return
        failures: list[BaseException] = []
        ended = await ended_within(CLOSE_SECONDS, self._backend.aclose, failures.append)
        if failures:
            logger.error("engine %s failed to close: %s", self.name, described(failures[0]))
        elif not ended:
            logger.error("engine %s did not close within %g s and is left behind", self.name, CLOSE_SECONDS)
        if failures or not ended:
            self._backend = self._entry.instance or self._made()

    async def _end_later(self, turn: Turn, threads: Sequence[anyio.Event]) -> None:
        """Give a slot back when the threads that still use it have ended, be it never."""
        with self.in_use():
            for ended in threads:
                await ended.wait()
            turn.end()

    async def _load(self, loading: _Loading) -> None:
        loading.tell(ProgressEvent("loading", backend=self.name, message=f"loading {self.name}"))

        def failed(exc: BaseException) -> None:
            logger.warning("engine %s failed to load: %s", self.name, described(exc))
            loading.error = exc if isinstance(exc, BackendError) else self._unavailable("load", exc)
            self.state = "failed"

        try:
            async with contained(failed):
                self._require_available()
                async with self._lifecycle:
                    await self._instance().load(loading.tell)
                    self._capabilities(lambda backend: backend.capabilities)
                    if self._warms_up:
                        await self._warm_up(loading)
                self._slots.resize(self._concurrency())
                self.state = "ready"
                self._tasks.start_soon(self._run_beside, self._instance())
        finally:
            if self.state == "loading":  # cancelled
                self.state = "unloaded"
                loading.error = BackendUnavailableError("the hub is closing", backend=self.name)
            self._last_used = anyio.current_time()
            self._loading = None
            loading.done.set()

    async def _run_beside(self, backend: TTSBackend) -> None:
        """What the backend does besides requests, until it is closed."""
        with anyio.CancelScope() as self._beside:
            async with contained(
                lambda exc: logger.warning(
                    "engine %s: its background work failed: %s", self.name, described(exc)
                )
            ):
                await backend.background()

    async def _warm_up(self, loading: _Loading) -> None:
        """So that the first request does not pay for it; an engine that cannot may still speak."""
        loading.tell(ProgressEvent("loading", backend=self.name, message=f"warming up {self.name}"))
        async with contained(
            lambda exc: logger.warning("engine %s did not warm up: %s", self.name, described(exc))
        ):
            await self._instance().warm_up()

    async def _asked(self, question: Callable[[TTSBackend], Awaitable[T]]) -> T:
        if self.state != "ready":
            self._require_available()
        failures: list[BaseException] = []
        async with contained(failures.append):
            return await question(self._instance())
        raise self._failure("list its voices", failures[0])

    def _answer(self, task: str, question: Callable[[TTSBackend], T]) -> T:
        failures: list[BaseException] = []
        with contained_call(failures.append):
            return question(self._instance())
        raise self._failure(task, failures[0])

    def _capabilities(self, question: Callable[[TTSBackend], Capabilities]) -> Capabilities:
        if self._backend is None:
            return UNKNOWN
        given = self._answer("say what it can do", question)
        if given is not self._approved:
            self._approved = checked_capabilities(given, self.name)
        return given

    def _require_available(self) -> None:
        availability = self._entry.availability()
        if not availability.ready:
            raise BackendUnavailableError(
                f"engine {self.name!r} is not ready: {availability.reason}",
                backend=self.name,
                remedy=availability.remedy,
            )

    def _made(self) -> TTSBackend | None:
        """The backend object, which costs nothing yet; None when it cannot be made: loading tells why."""
        with contained_call(lambda exc: logger.debug("engine %s: %s", self.name, described(exc))):
            return self._entry.backend_class()(self._entry.settings())
        return None

    def _instance(self) -> TTSBackend:
        if self._backend is None:
            self._backend = self._entry.backend_class()(self._entry.settings())
        return self._backend

    def _concurrency(self) -> int:
        configured = None
        if self._backend is not None:
            with suppress(TTSHubError):
                configured = self._entry.settings().concurrency
        return configured or self.capabilities.concurrency

    def _failure(self, task: str, exc: BaseException) -> TTSHubError:
        return exc if isinstance(exc, TTSHubError) else self._unavailable(task, exc)

    def _unavailable(self, task: str, exc: BaseException) -> BackendUnavailableError:
        error = BackendUnavailableError(
            f"engine {self.name!r} failed to {task}: {described(exc)}", backend=self.name
        )
        error.__cause__ = exc
        return error

    def _note_turn(self, seconds: float) -> None:
        self._turn_seconds = 0.8 * self._turn_seconds + 0.2 * seconds if self._turn_seconds else seconds

    def _wait_estimate(self) -> float:
        """Seconds until a place in line is likely to be free."""
        return max(1.0, math.ceil(self._turn_seconds * self.newcomers / self._slots.slots))


async def close_all(engines: Iterable[Engine]) -> None:
    """Close engines side by side: each has `CLOSE_SECONDS`, and none waits for another."""
    async with anyio.create_task_group() as tasks:
        for engine in engines:
            tasks.start_soon(engine.aclose)


class _Loading:
    """One load under way and those who wait for it."""

    def __init__(self) -> None:
        self.done = anyio.Event()
        self.error: BackendError | None = None
        self.listeners: list[ProgressCallback] = []

    def tell(self, event: ProgressEvent) -> None:
        for listener in list(self.listeners):
            listener(event)
