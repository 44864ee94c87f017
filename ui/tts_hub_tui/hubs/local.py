"""The hub of this process: its manager."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from tts_hub.cost.pricing import CostEstimate
from tts_hub.emotions.profile import EmotionSettings
from tts_hub.engines.pool import EngineStatus
from tts_hub.manager import TTSBackendManager
from tts_hub.progress import ProgressCallback
from tts_hub.types import SpeechRequest, Voice
from tts_hub_tui.hubs.interface import Catalogue, EngineInfo, Speech


class LocalHub:
    """Generates speech with the engines that are installed here. Opens and closes the manager."""

    name = "this machine"
    allows_pauses = True

    def __init__(self, manager: TTSBackendManager) -> None:
        self._manager = manager

    async def __aenter__(self) -> Self:
        await self._manager.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._manager.aclose()

    async def catalogue(self) -> Catalogue:
        """The engines in the state that `tts-hub doctor` shows."""
        engines = tuple(self._engine(status) for status in self._manager.status())
        return Catalogue(engines, self._manager.best(), tuple(await self._manager.problems()))

    async def voices(self, model: str) -> Sequence[Voice]:
        """The voices of the engine behind a model or an alias."""
        found = await self._manager.voices(model)
        return [voice for voices in found.values() for voice in voices]

    async def add_emotion(self, name: str, character: str, settings: EmotionSettings) -> str:
        """Keep an emotion profile in the store of this user."""
        made = await self._manager.store.add_profile(name=name, character=character, settings=settings)
        return made.full_name

    async def estimate(self, request: SpeechRequest) -> CostEstimate:
        """The length and cost of a request; no engine is loaded for it."""
        return await self._manager.estimate(request)

    async def speak(self, request: SpeechRequest, on_progress: ProgressCallback) -> Speech:
        """Begin to generate raw, unencoded audio."""
        return await self._manager.generate(request, on_progress=on_progress)

    async def pull(self, model: str, on_progress: ProgressCallback, *, variant: str | None = None) -> None:
        """Download the files of a model from the source that its engine names."""
        await self._manager.pull(model, on_progress, variant=variant)

    def _engine(self, status: EngineStatus) -> EngineInfo:
        return EngineInfo(
            name=status.name,
            description=status.description,
            models=status.models,
            ready=status.availability.ready,
            state=status.state,
            reason=status.availability.reason,
            remedy=status.availability.remedy,
            active=status.active,
            waiting=status.waiting,
            downloads=status.downloads,
            options=self._manager.options(status.name),
        )
