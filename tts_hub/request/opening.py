"""Opening a request: it is planned, its costs are allowed, and the two sides of it are put together."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from dataclasses import replace

import anyio
from anyio.abc import TaskGroup

from tts_hub.config import AudioConfig, Config
from tts_hub.containment import contained, contained_call
from tts_hub.cost.budget import Budget
from tts_hub.cost.pricing import CostEstimate
from tts_hub.engines.pool import EnginePool
from tts_hub.errors import InvalidTextError, TTSHubError
from tts_hub.progress import ProgressCallback, ProgressEvent
from tts_hub.request.cast import NOBODY, Cast, cast_request, names_something
from tts_hub.request.costs import RequestCosts, estimate_of
from tts_hub.request.generation import Generation, Replan
from tts_hub.request.planning import Planner
from tts_hub.request.reading import Reading
from tts_hub.request.route import Plan
from tts_hub.request.shaping import LoudnessMemory, Shaper
from tts_hub.request.stream import AudioStream
from tts_hub.store.store import Store
from tts_hub.text.source import SourceText
from tts_hub.types import SpeechRequest

logger = logging.getLogger(__name__)


class RequestOpener:
    """Opens requests on the engines of a pool, and knows those that are running."""

    def __init__(
        self, config: Config, pool: EnginePool, tasks: Callable[[], TaskGroup], store: Store
    ) -> None:
        """`tasks` gives the task group that requests run in, or raises `UsageError`."""
        self.budget = Budget(config.budget)
        self._config = config
        self._store = store
        self._tasks = tasks
        self._planner = Planner(config, pool)
        self._loudness: LoudnessMemory = {}
        self._running: set[Generation] = set()

    async def open(self, request: SpeechRequest, on_progress: ProgressCallback) -> AudioStream:
        """Begin to speak a checked request. Returns once the first audio exists.

        Raises:
            InvalidRequestError: what was asked for cannot be given.
            OverloadedError: no place in the engine's waiting line.
            BudgetExceededError: it may cost more than is allowed.
            BackendError: no engine could begin to speak.
        """
        self._tasks()
        began = anyio.current_time()
        request_id = request.request_id or uuid.uuid4().hex[:12]
        on_progress = guarded(on_progress, request_id)
        request, cast = await self._cast(request)
        shaper = Shaper(self._audio(cast), request, self._loudness)
        generation = await self._prepare(request, cast, request_id, on_progress)
        await self._start(generation)
        stall_timeout = self._config.limits.stall_timeout
        audio = AudioStream(
            request,
            request_id,
            generation=generation,
            reading=Reading(generation.handover, generation.fall_back, stall_timeout=stall_timeout),
            shaper=shaper,
            on_progress=on_progress,
            began=began,
        )
        on_progress(ProgressEvent("queued", backend=generation.candidate.engine.name))
        await audio.start()
        return audio

    async def estimate(self, request: SpeechRequest) -> CostEstimate:
        """What a checked request would cost. Nothing is loaded, no service is asked.

        Raises:
            InvalidRequestError: what was asked for cannot be given, or the text is still being written.
            BackendUnavailableError: `auto` finds no engine that is ready.
        """
        if not isinstance(request.input, str):
            raise InvalidTextError("a text that is still being written cannot be estimated; give all of it")
        self._tasks()
        text = request.input
        request, cast = await self._cast(request)
        plan = await self._planner.plan(request, text, cast)
        return await estimate_of(plan.request, plan.route, self._source(request).segments(plan.cutting))

    def stop_all(self) -> None:
        """Stop the requests that are running."""
        for generation in self._running:
            generation.stop()

    async def _cast(self, request: SpeechRequest) -> tuple[SpeechRequest, Cast]:
        """The stored voice and the emotion of a request, if it names any.

        Raises:
            UnknownEmotionError: no such emotion.
            StoreError: the store cannot be read.
        """
        if not names_something(request):
            return request, NOBODY
        return cast_request(request, await self._store.names(), self._planner.is_model)

    def _audio(self, cast: Cast) -> AudioConfig:
        """The configured audio, with the pause of an emotion between sentences."""
        audio, pause = self._config.audio, cast.settings.pause
        if pause is None:
            return audio
        longer = max(0.0, audio.paragraph_pause - audio.sentence_pause)
        return audio.model_copy(update={"sentence_pause": pause, "paragraph_pause": pause + longer})

    async def _prepare(
        self, request: SpeechRequest, cast: Cast, request_id: str, on_progress: ProgressCallback
    ) -> Generation:
        """Everything that is done before an engine is called."""
        whole = request.input if isinstance(request.input, str) else None
        plan = await self._planner.plan(request, whole, cast)
        source = self._source(request)
        costs = RequestCosts(plan.request, request_id, self.budget.account())
        if self.budget.is_limited and whole is not None:
            await costs.allow_all(plan.route[0], source.kept_segments(plan.cutting))
        detects_later = whole is None and self._planner.may_detect(request)
        return Generation(
            plan,
            request_id,
            source=source,
            replan=self._replan(request, cast) if detects_later else None,
            limits=self._config.limits,
            text=self._config.text,
            costs=costs,
            on_progress=on_progress,
        )

    def _replan(self, request: SpeechRequest, cast: Cast) -> Replan:
        """How to plan a request whose text is being written, once there is some of it."""

        async def replan(opening: str) -> Plan:
            return await self._planner.plan(request, opening, cast)

        return replan

    def _source(self, request: SpeechRequest) -> SourceText:
        most = self._config.text.max_characters
        return SourceText(request.input, request.markup, max_total_chars=most)

    async def _start(self, generation: Generation) -> None:
        """Begin to work, unless the hub was closed while the request was prepared."""
        try:
            tasks = self._tasks()
        except TTSHubError:
            await generation.costs.close()
            raise
        tasks.start_soon(self._run, generation)

    async def _run(self, generation: Generation) -> None:
        """One request's failure, even one of our own making, must not touch the others."""

        def failed(exc: BaseException) -> None:
            logger.error("a request ended by an error of the hub itself", exc_info=exc)

        self._running.add(generation)
        try:
            async with contained(failed):
                await generation.run()
        finally:
            self._running.discard(generation)


def guarded(on_progress: ProgressCallback, request_id: str) -> ProgressCallback:
    """A callback that carries the request's id and cannot break the speech."""

    def report(event: ProgressEvent, /) -> None:
        with contained_call(lambda exc: logger.error("a progress callback failed", exc_info=exc)):
            on_progress(event if event.request_id else replace(event, request_id=request_id))

    return report
