"""The interface of an engine.

A plugin package names its class under the entry point group `tts_hub.backends`. Importing it must be
cheap: heavy imports belong into `load`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field

from tts_hub.cost.pricing import Price
from tts_hub.emotions.lowering import NO_LOWERING, Lowering
from tts_hub.errors import UnknownModelError, UnknownVoiceError, UnsupportedLanguageError, one_of, shown
from tts_hub.progress import ProgressCallback, ignore
from tts_hub.text.languages import Nearness, nearness
from tts_hub.types import AudioChunk, Availability, Capabilities, ModelFiles, SegmentRequest, Voice

MOST_CONCURRENCY = 256
"""Segments that an engine may generate at the same time."""


class BackendSettings(BaseModel):
    """The engine's section of the config file, `[backends.<name>]`; engines add their own fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = Field(True, description="whether it may be used")
    concurrency: int | None = Field(
        None, ge=1, le=MOST_CONCURRENCY, description="segments at once; none: the engine's own"
    )
    voice: str | None = Field(None, description="voice of requests that name none")


class BackendOptions(BaseModel):
    """The options of one request that only this engine knows; engines add their own fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class TTSBackend(ABC):
    """An engine. The hub makes one instance, calls `load` once, and then streams segments through it.

    Several `generate_stream` calls run at once, up to `capabilities.concurrency`; each must keep its
    voice and progress to itself.
    """

    name: ClassVar[str]
    """Unique, lower case; the section of the config file and the model name unless `models` says more."""
    description: ClassVar[str] = ""
    models: ClassVar[tuple[str, ...]] = ()
    """Model names it answers to; empty: just `name`."""
    patterns: ClassVar[tuple[str, ...]] = ()
    """Shell-style patterns of further model names, such as `alltalk_*`."""
    priority: ClassVar[int] = 0
    """The ready engine with the highest one is what `auto` means; below zero: never chosen by `auto`."""
    many: ClassVar[bool] = False
    """The config may hold it several times, as `[remote.<name>]` with its name as `kind`."""
    Settings: ClassVar[type[BackendSettings]] = BackendSettings
    Options: ClassVar[type[BackendOptions]] = BackendOptions

    lowering: ClassVar[Lowering] = NO_LOWERING
    """What it makes of the settings of an emotion profile, as its own options."""

    capabilities: Capabilities = Capabilities()

    def __init__(self, settings: BackendSettings | None = None) -> None:
        """Keep the settings; do no work here."""
        self.settings = settings if settings is not None else self.Settings()

    @classmethod
    def named(cls, name: str) -> type[Self]:
        """The same engine under another name, for one that the config may hold several times.

        It answers to `name` and to `name/<model>`.
        """
        own = {"name": name, "models": (name,), "patterns": (f"{name}/*",), "__module__": cls.__module__}
        return type(cls.__name__, (cls,), own)

    @classmethod
    def availability(cls, settings: BackendSettings) -> Availability:
        """Whether `load` would work now. Quick, without network and without heavy imports."""
        return Availability(ready=True)

    @classmethod
    def downloads(cls, settings: BackendSettings) -> Sequence[ModelFiles]:
        """Models whose files it can fetch, and what is here of them; none unless it says so.

        A model with several variants has one entry for each, the usual one first. Quick, without network,
        and an answer even where the engine cannot run.
        """
        return ()

    @classmethod
    async def pull(
        cls, files: ModelFiles, settings: BackendSettings, on_progress: ProgressCallback = ignore
    ) -> None:
        """Fetch what is missing or damaged of one of `downloads`.

        Cancelling it stops at once; what has arrived is kept, and the next call continues from there.

        Raises:
            BackendUnavailableError: they cannot be fetched; the error names the remedy.
        """
        raise UnknownModelError(f"engine {cls.name!r} has no files to fetch for {files.model!r}")

    @classmethod
    async def remove(cls, files: ModelFiles, settings: BackendSettings) -> int:
        """Delete one of `downloads` from this machine; bytes that are free again.

        Raises:
            UsageError: the files are not the hub's to delete.
        """
        raise UnknownModelError(f"engine {cls.name!r} has no files to delete for {files.model!r}")

    def price(self, model: str) -> Price | None:
        """What a model costs, named as requests name it; None: nothing. Quick, and also before `load`."""
        return None

    def known_models(self) -> tuple[str, ...]:
        """Exact model names, with those that it has learned since it was made."""
        return model_names(self)

    def capabilities_for(self, model: str) -> Capabilities:
        """What one of its models can do, named as requests name it."""
        return self.capabilities

    async def load(self, on_progress: ProgressCallback = ignore) -> None:
        """Make ready to speak. Calling it again does nothing.

        Raises:
            BackendUnavailableError: something is missing; the error names the remedy.
        """

    async def warm_up(self) -> None:
        """Do once what the first request would have to wait for; called behind `load` where that matters.

        Whatever goes wrong is raised as a `BackendError`, is logged, and does not make the engine unready.
        """

    async def prepare_voice(self, voice: Voice, on_progress: ProgressCallback = ignore) -> None:
        """Do ahead what the first request with a voice to clone would have to wait for; mostly nothing.

        Only called for engines with `capabilities.cloning`, between `load` and `aclose`.

        Raises:
            InvalidRequestError: the samples are of no use.
            BackendError: it failed.
        """

    def forget_voices(self) -> None:
        """Let go of what `prepare_voice` and requests have kept of voices in memory."""

    def statistics(self) -> Mapping[str, str | int | float]:
        """Facts for those who run it, such as its device and how many prepared voices it keeps. Quick."""
        return {}

    async def background(self) -> None:
        """Runs beside the requests while it is loaded, and is cancelled before `aclose`; mostly nothing."""

    @abstractmethod
    async def voices(self) -> Sequence[Voice]:
        """The voices it offers, the default one first; also before `load` and after `aclose`.

        Quick, and no nets are loaded for it: servers list the voices of all engines. Only an engine whose
        voices are on another machine asks for them, and remembers the answer.
        """

    async def find_voice(self, voice: str | None, language: str | None) -> Voice:
        """The voice that a request means by an id, a language, both or neither; also before `load`.

        Raises:
            UnknownVoiceError: no voice of that id.
            UnsupportedLanguageError: no voice of that language, or not the one named.
        """
        voices = await self.voices()
        if voice is None and self.settings.voice is not None:
            return preferred_voice(voices, pick_voice(voices, self.settings.voice, None), language)
        return pick_voice(voices, voice, language)

    @abstractmethod
    def generate_stream(
        self, request: SegmentRequest, on_progress: ProgressCallback = ignore
    ) -> AsyncGenerator[AudioChunk, None]:
        """Speak one segment, chunk by chunk.

        Closing the generator or cancelling the task stops the work within one step. Whatever goes
        wrong is raised as a `BackendError`; ending without audio counts as a failure.
        """

    def forget(self, request_id: str) -> None:
        """The request is over: let go of what was kept from one of its segments to the next."""

    async def aclose(self) -> None:
        """Free memory and files. `load` may be called again afterwards."""


def model_names(backend: TTSBackend | type[TTSBackend]) -> tuple[str, ...]:
    """The exact model names of a backend."""
    return backend.models or (backend.name,)


def speaks(voice: Voice, language: str) -> bool:
    """Whether a voice speaks a BCP 47 tag itself: one of `en-US` speaks `en`, but not `en-GB`."""
    if not voice.language or not language:
        return True
    near = nearness(voice.language, language)
    return near is not None and near <= Nearness.WIDER


def fitting(voices: Sequence[Voice], language: str) -> list[Voice]:
    """The voices that speak a BCP 47 tag, best first.

    Where none does, those of the nearest variety of the language: British ones for `en-AU`, else any English
    ones. There are none for a language that no voice speaks.
    """
    if not language:
        return list(voices)
    near = {v.id: nearness(v.language, language) if v.language else Nearness.WIDER for v in voices}
    ranked = [(rank, v) for v in voices if (rank := near[v.id]) is not None]
    best = min((rank for rank, _ in ranked), default=Nearness.EXACT)
    most = max(best, Nearness.WIDER)
    return [v for rank, v in sorted(ranked, key=lambda pair: pair[0]) if rank <= most]


def may_speak(voice: Voice, language: str, voices: Sequence[Voice]) -> bool:
    """Whether a voice that was named suits a language that was named as well.

    It may speak another variety of the language if none of `voices` speaks the wanted one.
    """
    if speaks(voice, language):
        return True
    return nearness(voice.language, language) is not None and not any(speaks(v, language) for v in voices)


def pick_voice(voices: Sequence[Voice], voice: str | None, language: str | None) -> Voice:
    """Choose from a list by id or alias and language; the first one of those that fit best.

    Raises:
        UnknownVoiceError: no voice of that name.
        UnsupportedLanguageError: no voice of that language, or not the one named.
    """
    fit = fitting(voices, language or "")
    if voice is None:
        if not fit:
            known = sorted({v.language for v in voices})
            raise UnsupportedLanguageError(
                f"no voice for language {shown(language)}; {one_of(language or '', known)}"
            )
        return fit[0]
    found = _by_id(voices).get(voice.casefold())
    if found is None:
        raise UnknownVoiceError(f"unknown voice {shown(voice)}; {one_of(voice, [v.id for v in voices])}")
    if not may_speak(found, language or "", voices):
        raise UnsupportedLanguageError(f"voice {found.id!r} speaks {found.language}, not {shown(language)}")
    return found


def preferred_voice(voices: Sequence[Voice], preferred: Voice, language: str | None) -> Voice:
    """The configured voice where no other one speaks the language better, else the one that does.

    Raises:
        UnsupportedLanguageError: no voice of that language.
    """
    fit = fitting([*voices, preferred], language or "")
    return preferred if preferred in fit else pick_voice(voices, None, language)


def _by_id(voices: Sequence[Voice]) -> Mapping[str, Voice]:
    named = {alias.casefold(): v for v in reversed(voices) for alias in v.aliases}
    return named | {v.id.casefold(): v for v in voices}
