"""One engine at work: slots shared out fairly between requests, unloaded when idle."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress

import anyio
from anyio.abc import TaskGroup

from tts_hub.backend import BackendOptions, TTSBackend
from tts_hub.config import LimitsConfig
from tts_hub.cost.pricing import Price
from tts_hub.engines.declaration import checked_capabilities, checked_price, checked_voice, checked_voices
from tts_hub.engines.failures import ask, asking, logged
from tts_hub.engines.loading import EngineState, Loader
from tts_hub.engines.registry import Entry
from tts_hub.engines.slots import SlotQueue, Turn
from tts_hub.errors import (
    InvalidRequestError,
    QueueFullError,
    QueueTimeoutError,
    TTSHubError,
    UsageError,
)
from tts_hub.progress import ProgressCallback
from tts_hub.threads import left_behind
from tts_hub.types import Capabilities, Voice

UNKNOWN = Capabilities()
"""The capabilities of an engine that does not state them, or states nonsense."""


class Engine:
    """The hub's side of one backend. Lives as long as the manager; the backend inside comes and goes."""

    def __init__(
        self, entry: Entry, limits: LimitsConfig, tasks: TaskGroup, *, warms_up: bool = False
    ) -> None:
        """With `warms_up` it speaks once whenever it has been loaded, and the audio is dropped."""
        self.name = entry.name
        self.users = 0
        """Requests that have not ended; an engine with users is not unloaded."""
        self.waiting_requests = 0
        """Requests that have not had their first turn."""
        self._entry = entry
        self._limits = limits
        self._tasks = tasks
        self._approved = UNKNOWN
        """The capabilities that were checked last and found in order."""
        self._loader = Loader(entry, tasks, on_loaded=self._loaded, warms_up=warms_up)
        self._slots = SlotQueue(self._concurrency())
        self._last_used = anyio.current_time()
        self._last_sign = anyio.current_time()
        self._turn_seconds = 0.0
        self._suspended: set[Turn] = set()

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
        backend = self._loader.backend
        return backend.Options if backend is not None else None

    def price(self, model: str) -> Price | None:
        """What one of its models costs; None: nothing.

        Raises:
            BackendUnavailableError: it does not say, or says nonsense.
        """
        backend = self._loader.backend
        if backend is None:
            return None
        return ask(self.name, "give its price", lambda: checked_price(backend.price(model), self.name))

    def known_models(self) -> tuple[str, ...]:
        """Exact model names, with those that its service has listed."""
        known: tuple[str, ...] = ()
        if (backend := self._loader.backend) is not None:
            with logged(self.name, "list its models"):
                known = tuple(name for name in backend.known_models() if isinstance(name, str))
        return known or self._entry.models()

    @property
    def state(self) -> EngineState:
        """Whether the backend is loaded."""
        return self._loader.state

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
        return self._loader.recently_failed

    @property
    def silent_for(self) -> float:
        """Seconds since its last sign of life while it has work; 0 without work."""
        return anyio.current_time() - self._last_sign if self.active else 0.0

    def sign_of_life(self) -> None:
        """Note that it has given something."""
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

    async def load(self, on_progress: ProgressCallback) -> TTSBackend:
        """The backend, ready to speak. One load serves all who wait; a failed one is tried again.

        Raises:
            BackendUnavailableError: it cannot be loaded.
        """
        return await self._loader.load(on_progress)

    async def voices(self) -> Sequence[Voice]:
        """The voices of the engine, the default one first; it need not be loaded for that.

        Raises:
            BackendUnavailableError: it cannot run, or does not say.
        """
        if self.state != "ready":
            self._loader.require_available()
        async with asking(self.name, "list its voices"):
            listed = checked_voices(await self._loader.instance().voices(), self.name)
        if self.configured_voice is None:
            return listed
        with suppress(InvalidRequestError):
            default = await self.find_voice(None, None)
            return [default, *(voice for voice in listed if voice.id != default.id)]
        return listed

    async def find_voice(self, voice: str | None, language: str | None) -> Voice:
        """The voice that a request would get; the engine need not be loaded for that.

        Raises:
            BackendUnavailableError: it cannot run, or does not say.
            InvalidRequestError: there is none.
        """
        if self.state != "ready":
            self._loader.require_available()
        async with asking(self.name, "list its voices"):
            return checked_voice(await self._loader.instance().find_voice(voice, language), self.name)

    async def prepare_voice(self, voice: Voice, on_progress: ProgressCallback) -> None:
        """Load the engine, and have it prepare a voice to clone.

        Raises:
            InvalidRequestError: the recording is of no use.
            BackendError: it cannot be loaded, or failed.
        """
        backend = await self.load(on_progress)
        async with asking(self.name, "prepare a voice"):
            await backend.prepare_voice(voice, on_progress)

    def statistics(self) -> Mapping[str, str | int | float]:
        """Facts that the engine states about itself; none where it is not loaded, or fails at it."""
        found: dict[str, str | int | float] = {}
        if self.state == "ready" and (backend := self._loader.backend) is not None:
            with logged(self.name, "state facts about itself"):
                given = backend.statistics().items()
                found = {str(name): value for name, value in given if isinstance(value, str | int | float)}
        return found

    def forget_voices(self) -> None:
        """Have the engine drop prepared voices in memory."""
        if (backend := self._loader.backend) is not None:
            with logged(self.name, "forget voices"):
                backend.forget_voices()

    @contextmanager
    def waiting_place(self) -> Generator[None, None, None]:
        """A place in the waiting line, from the arrival of a request to its first turn.

        Raises:
            QueueFullError: no place left.
        """
        free = max(0, self._slots.slots - self._slots.taken)
        if self.waiting_requests >= self._limits.max_queue + free:
            raise QueueFullError(
                f"engine {self.name!r} has {self.waiting_requests} requests waiting, the most it may have "
                f"(limits.max_queue = {self._limits.max_queue})",
                retry_after=self._wait_estimate(),
            )
        self.waiting_requests += 1
        try:
            yield
        finally:
            self.waiting_requests -= 1

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
        self._slots.resize(self._concurrency())  # a remote service reports its limit with its answers
        began = anyio.current_time()
        if self.active == 1:
            self.sign_of_life()
        turn = Turn(self._slots, self.capabilities.suspendable, self._suspended)
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
        """Unload it where no request has used it for that many seconds."""
        if self.state == "ready" and not self.users and self._idle_seconds >= seconds:
            with suppress(UsageError):  # a request has come meanwhile
                await self.unload()

    async def unload(self) -> None:
        """Close the backend; the next request loads it again.

        Raises:
            UsageError: requests are using it.
        """
        self._require_unused()
        await self._loader.unload(self._require_unused)

    async def aclose(self) -> None:
        """Close the backend, even if requests use it."""
        await self._loader.aclose()

    def _require_unused(self) -> None:
        if self.users:
            raise UsageError(f"engine {self.name!r} is in use by {self.users} requests")

    async def _end_later(self, turn: Turn, threads: Sequence[anyio.Event]) -> None:
        """Give a slot back when the threads that still use it have ended, even if that never happens."""
        with self.in_use():
            for ended in threads:
                await ended.wait()
            turn.end()

    @property
    def _idle_seconds(self) -> float:
        return anyio.current_time() - max(self._last_used, self._loader.ended_at)

    def _loaded(self) -> None:
        """Check what the loaded backend says of itself, and take its concurrency."""
        self._capabilities(lambda backend: backend.capabilities)
        self._slots.resize(self._concurrency())

    def _capabilities(self, question: Callable[[TTSBackend], Capabilities]) -> Capabilities:
        backend = self._loader.backend
        if backend is None:
            return UNKNOWN
        given = ask(self.name, "say what it can do", lambda: question(backend))
        if given is not self._approved:
            self._approved = checked_capabilities(given, self.name)
        return given

    def _concurrency(self) -> int:
        configured = None
        if self._loader.backend is not None:
            with suppress(TTSHubError):
                configured = self._entry.settings().concurrency
        return configured or self.capabilities.concurrency

    def _note_turn(self, seconds: float) -> None:
        self._turn_seconds = 0.8 * self._turn_seconds + 0.2 * seconds if self._turn_seconds else seconds

    def _wait_estimate(self) -> float:
        """Seconds until a place in line is likely to be free."""
        return max(1.0, math.ceil(self._turn_seconds * self.waiting_requests / self._slots.slots))


async def close_all(engines: Iterable[Engine]) -> None:
    """Close engines side by side: each has `CLOSE_SECONDS`, and none waits for another."""
    async with anyio.create_task_group() as tasks:
        for engine in engines:
            tasks.start_soon(engine.aclose)
