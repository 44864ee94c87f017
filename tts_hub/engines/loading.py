"""The backend object of an engine: made, loaded once however many ask, closed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Literal

import anyio
from anyio.abc import TaskGroup

from tts_hub.backend import TTSBackend
from tts_hub.containment import contained, ended_within
from tts_hub.engines.failures import log_failure, logged, unavailable
from tts_hub.engines.registry import Entry
from tts_hub.errors import BackendError, BackendUnavailableError
from tts_hub.progress import ProgressCallback, ProgressEvent

EngineState = Literal["unloaded", "loading", "ready", "failed"]
RETRY_FAILED_AFTER = 30.0
"""Seconds for which `auto` does not choose an engine that failed to load."""
CLOSE_SECONDS = 10.0
"""Seconds that an engine has to close."""
logger = logging.getLogger(__name__)


class Loader:
    """Holds one backend object. It is cheap until `load`, and can be loaded again after `aclose`."""

    def __init__(
        self, entry: Entry, tasks: TaskGroup, *, on_loaded: Callable[[], None], warms_up: bool
    ) -> None:
        """`on_loaded` is called after each load, and again after warming up; it refuses by a `TTSHubError`.

        With `warms_up` the engine speaks once whenever it has been loaded, and the audio is dropped.
        """
        self.state: EngineState = "unloaded"
        self.ended_at = anyio.current_time()
        """When the last load ended, well or not; seconds on the clock of the event loop."""
        self._entry = entry
        self._tasks = tasks
        self._on_loaded = on_loaded
        self._warms_up = warms_up
        self._load_under_way: _Load | None = None
        self._lifecycle = anyio.Lock()
        self._background: anyio.CancelScope | None = None
        self.backend = entry.instance or self._made()
        """None where it could not be made; the next use tries again and raises the reason."""

    def instance(self) -> TTSBackend:
        """The backend object, which need not be loaded.

        Raises:
            TTSHubError: the plugin cannot be imported, or its settings are wrong.
        """
        if self.backend is None:
            self.backend = self._entry.backend_class()(self._entry.settings())
        return self.backend

    @property
    def recently_failed(self) -> bool:
        """Whether the last load failed a short time ago."""
        return self.state == "failed" and anyio.current_time() - self.ended_at < RETRY_FAILED_AFTER

    async def load(self, on_progress: ProgressCallback) -> TTSBackend:
        """The backend, ready to speak. One load serves all who wait; a failed one is tried again.

        Raises:
            BackendUnavailableError: it cannot be loaded.
        """
        if self.state == "ready" and self.backend is not None:
            return self.backend
        if self._load_under_way is None:
            self._load_under_way = _Load()
            self.state = "loading"
            self._tasks.start_soon(self._load, self._load_under_way)
        load = self._load_under_way
        load.callbacks.append(on_progress)
        try:
            await load.done.wait()
        finally:
            load.callbacks.remove(on_progress)
        if load.error is not None:
            remedy = getattr(load.error, "remedy", "")
            raise BackendUnavailableError(
                str(load.error), backend=self._entry.name, remedy=remedy
            ) from load.error
        return self.instance()

    def require_available(self) -> None:
        """Check what the engine says about its readiness, without loading it.

        Raises:
            BackendUnavailableError: it is not ready; `remedy` says what to type.
        """
        availability = self._entry.availability()
        if not availability.ready:
            raise BackendUnavailableError(
                f"engine {self._entry.name!r} is not ready: {availability.reason}",
                backend=self._entry.name,
                remedy=availability.remedy,
            )

    async def unload(self, check: Callable[[], None]) -> None:
        """Close the backend once the load that is under way, if any, has ended.

        `check` is called right before that, and raises where the engine is in use.
        """
        async with self._lifecycle:
            check()
            logger.info("unloading engine %s", self._entry.name)
            await self.aclose()

    async def aclose(self) -> None:
        """Close the backend; one that fails at it or takes too long is left behind, and a new one is made."""
        self.state = "unloaded"
        if self._background is not None:
            self._background.cancel()
        if self.backend is None:
            return
        name = self._entry.name
        failures: list[BaseException] = []
        ended = await ended_within(CLOSE_SECONDS, self.backend.aclose, failures.append)
        if failures:
            log_failure(name, "close", failures[0], level=logging.ERROR)
        elif not ended:
            logger.error("engine %s did not close within %g s and is left behind", name, CLOSE_SECONDS)
        if failures or not ended:
            self.backend = self._entry.instance or self._made()

    async def _load(self, load: _Load) -> None:
        name = self._entry.name
        load.report(ProgressEvent("loading", backend=name, message=f"loading {name}"))

        def failed(exc: BaseException) -> None:
            log_failure(name, "load", exc)
            load.error = exc if isinstance(exc, BackendError) else unavailable(name, "load", exc)
            self.state = "failed"

        try:
            async with contained(failed):
                self.require_available()
                async with self._lifecycle:
                    await self.instance().load(load.report)
                    self._on_loaded()
                    if self._warms_up:
                        await self._warm_up(load)
                        self._on_loaded()  # what it says of itself may have changed
                    self.state = "ready"
                    self._background = anyio.CancelScope()
                    self._tasks.start_soon(self._run_background, self.instance(), self._background)
        finally:
            if self.state == "loading":  # cancelled
                self.state = "unloaded"
                load.error = BackendUnavailableError("the hub is closing", backend=name)
            self.ended_at = anyio.current_time()
            self._load_under_way = None
            load.done.set()

    async def _warm_up(self, load: _Load) -> None:
        """Speak once, so that the first request does not wait for it; a failure is only logged."""
        name = self._entry.name
        load.report(ProgressEvent("loading", backend=name, message=f"warming up {name}"))
        async with contained(partial(log_failure, name, "warm up")):
            await self.instance().warm_up()

    async def _run_background(self, backend: TTSBackend, scope: anyio.CancelScope) -> None:
        """Run what the backend does besides requests, until it is closed, which cancels the scope."""
        name = self._entry.name
        with scope:
            async with contained(partial(log_failure, name, "do its background work")):
                await backend.background()

    def _made(self) -> TTSBackend | None:
        """The backend object, which costs nothing yet; None where it cannot be made: `instance` says why."""
        with logged(self._entry.name, "be set up", level=logging.DEBUG):
            return self._entry.backend_class()(self._entry.settings())
        return None


class _Load:
    """One load under way, and the requests that wait for it."""

    def __init__(self) -> None:
        self.done = anyio.Event()
        self.error: BackendError | None = None
        self.callbacks: list[ProgressCallback] = []

    def report(self, event: ProgressEvent, /) -> None:
        for callback in list(self.callbacks):
            callback(event)
