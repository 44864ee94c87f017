"""The engines of one request, each prepared when the request first comes to it."""

from __future__ import annotations

from contextlib import ExitStack

import anyio

from tts_hub.engines.failures import logged
from tts_hub.errors import BackendUnavailableError, EngineRefusedError, InvalidRequestError, TTSHubError
from tts_hub.progress import ProgressCallback
from tts_hub.request.route import Plan
from tts_hub.request.speaker import Speaker, prepare_speaker


class Speakers:
    """The prepared engines of a request by their index in its route. They stay loaded until `close`."""

    def __init__(self, request_id: str, on_progress: ProgressCallback, *, load_timeout: float) -> None:
        """`load_timeout`: seconds that an engine has to load."""
        self._request_id = request_id
        self._on_progress = on_progress
        self._load_timeout = load_timeout
        self._prepared: dict[int, Speaker | TTSHubError] = {}
        self._lock = anyio.Lock()
        self._users = ExitStack()

    async def get(self, plan: Plan, index: int) -> Speaker:
        """The engine at an index of the route, loaded, with the request's voice and options resolved for it.

        It is prepared once: a failure is raised again for each segment that asks.

        Raises:
            BackendUnavailableError: it cannot be loaded.
            EngineRefusedError: it does not take the request, and is not the only one that might.
            InvalidRequestError: no such voice, language, option or markup there.
        """
        async with self._lock:
            if index not in self._prepared:
                try:
                    self._prepared[index] = await self._prepare(plan, index)
                except TTSHubError as exc:
                    self._prepared[index] = exc
            speaker = self._prepared[index]
        if isinstance(speaker, TTSHubError):
            raise speaker
        return speaker

    def close(self) -> None:
        """Let the engines forget the request; from now on they may be unloaded."""
        for speaker in self._prepared.values():
            if isinstance(speaker, Speaker):
                with logged(speaker.engine.name, "release a request"):
                    speaker.backend.forget(self._request_id)
        self._users.close()

    async def _prepare(self, plan: Plan, index: int) -> Speaker:
        candidate, name = plan.route[index], plan.route[index].engine.name
        self._users.enter_context(candidate.engine.in_use())
        before = self._prepared.get(index - 1)
        previous = before if isinstance(before, Speaker) else None
        try:
            with anyio.fail_after(self._load_timeout):
                return await prepare_speaker(candidate, plan.request, self._on_progress, previous)
        except TimeoutError as exc:
            message = f"engine {name!r} was not loaded within {self._load_timeout:g} s"
            raise BackendUnavailableError(message, backend=name) from exc
        except InvalidRequestError as exc:
            others = plan.route[index:]
            if not candidate.is_fallback and not any(other.only_at_start for other in others):
                raise
            raise EngineRefusedError(exc, name, was_named=not candidate.only_at_start) from exc
