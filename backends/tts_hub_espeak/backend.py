"""`EspeakBackend`, the engine espeak-ng."""

from __future__ import annotations

import dataclasses
import importlib.util
import os
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import ClassVar

import anyio
from anyio import to_thread
from pydantic import Field, ValidationError

from tts_hub.backend import BackendOptions, BackendSettings, TTSBackend
from tts_hub.emotions.lowering import Lowering, Scale
from tts_hub.errors import UnsupportedOptionError
from tts_hub.progress import ProgressCallback, ProgressEvent, ignore
from tts_hub.threads import stream_from_thread
from tts_hub.types import AudioChunk, Availability, Capabilities, SegmentRequest, Voice
from tts_hub_espeak import native
from tts_hub_espeak.engine import Engine, SpeechParameters
from tts_hub_espeak.levels import LOUDNESS_LUFS, level_of
from tts_hub_espeak.pool import EnginePool
from tts_hub_espeak.speech import Speech
from tts_hub_espeak.voices import VoiceCatalogue

NORMAL_RATE = 175  # words per minute
SPEED_RANGE = (0.48, 2.5)
"""The speeds of 84 to 437 words per minute, where the length of a paragraph follows 1/speed: within 8 % in
English, German, Spanish and Chinese, up to 15 % in French above 1.9. A slower rate has no effect, and from
450 words per minute on the library stretches the audio and reports wrong word positions."""
SUSPENDABLE = 250
"""Engines besides the working ones, of 1.3 MB each, for half-finished streams that wait without a slot."""
MOST_IDLE = 32
"""Idle engines that are kept: a new one takes 2 ms, which counts where many clients come and go."""
GAP_UNIT = 0.0143  # seconds that one unit of the library's word gap lasts
GAP_OFFSET = 0.03  # seconds that any gap lasts beyond that


class EspeakSettings(BackendSettings):
    """`[backends.espeak]` of the config file."""


class EspeakOptions(BackendOptions):
    """The options that only espeak-ng has."""

    pitch: int = Field(50, ge=0, le=99, description="height of the voice, 0 (low) to 99 (high)")
    pitch_range: int = Field(50, ge=0, le=99, description="melody, 0 (monotone) to 99 (lively)")
    word_gap: float = Field(0.0, ge=0, le=2, description="extra pause between words, in seconds at speed 1")


LOWERING = Lowering(
    styles={
        "happy": {"pitch": 58, "pitch_range": 70},
        "excited": {"pitch": 65, "pitch_range": 85},
        "calm": {"pitch": 45, "pitch_range": 35},
        "sad": {"pitch": 35, "pitch_range": 25},
        "angry": {"pitch": 40, "pitch_range": 80},
        "fearful": {"pitch": 70, "pitch_range": 60},
        "surprised": {"pitch": 68, "pitch_range": 95},
        "dramatic": {"pitch_range": 80},
        "narration": {"pitch": 45, "pitch_range": 50},
    },
    exaggeration=(Scale("pitch_range", ((0, 15), (0.5, 50), (1, 95)), whole=True),),
)
"""espeak-ng has one manner; its height and melody hint at others."""


class EspeakBackend(TTSBackend):
    """espeak-ng: robotic but instant, in over a hundred languages, with exact word timings."""

    name: ClassVar[str] = "espeak"
    description: ClassVar[str] = "espeak-ng, built in: instant, 100+ languages, no download"
    priority: ClassVar[int] = 0
    Settings: ClassVar[type[BackendSettings]] = EspeakSettings
    Options: ClassVar[type[BackendOptions]] = EspeakOptions
    lowering = LOWERING

    def __init__(self, settings: BackendSettings | None = None) -> None:
        super().__init__(settings)
        self.capabilities = Capabilities(
            streaming=True,
            word_timings=True,
            ssml=True,
            speed_range=SPEED_RANGE,
            concurrency=self.settings.concurrency or max(4, os.cpu_count() or 1),
            suspendable=SUSPENDABLE,
            loudness_lufs=LOUDNESS_LUFS,
        )
        self._loading = anyio.Lock()
        self._ready: tuple[EnginePool, VoiceCatalogue] | None = None

    @classmethod
    def availability(cls, settings: BackendSettings) -> Availability:
        """Whether the package with the library is installed."""
        if importlib.util.find_spec("espeakng_loader") is None:
            return Availability(False, "the package espeakng-loader is not installed", native.REMEDY)
        return Availability(ready=True)

    async def load(self, on_progress: ProgressCallback = ignore) -> None:
        """Load the first engine and read the list of its voices.

        Raises:
            BackendUnavailableError: the package is missing, or the library cannot be loaded.
        """
        await self._load(on_progress)

    async def voices(self) -> Sequence[Voice]:
        """One voice for each language and accent, each with all variants."""
        _, catalogue = await self._load()
        return catalogue.voices

    async def find_voice(self, voice: str | None, language: str | None) -> Voice:
        """A voice by its id, with a variant (`en-us+f3`), or by the name of one of OpenAI's voices.

        Raises:
            UnknownVoiceError: no voice or variant of that name.
            UnsupportedLanguageError: no voice of that language, or not the one named.
        """
        _, catalogue = await self._load()
        return catalogue.find(voice, language, self.settings.voice)

    async def generate_stream(
        self, request: SegmentRequest, on_progress: ProgressCallback = ignore
    ) -> AsyncGenerator[AudioChunk, None]:
        """Speak one segment on an engine of its own.

        Raises:
            GenerationError: the library failed.
            NoAudioError: the library made no sound.
        """
        pool, catalogue = await self._load()
        parameters = _parameters(request, catalogue)
        async with pool.lend() as engine:
            gain = level_of(request.voice.id).gain
            speech = Speech(engine, request.text, parameters, gain, ssml=request.markup == "ssml")
            async with aclosing(stream_from_thread(speech.produce, ahead=1, name="espeak")) as chunks:
                async for chunk in chunks:
                    yield chunk

    async def aclose(self) -> None:
        """Close all engines; an engine that is speaking is closed when it has finished."""
        async with self._loading:
            ready, self._ready = self._ready, None
            if ready is not None:
                await ready[0].aclose()

    async def _load(self, on_progress: ProgressCallback = ignore) -> tuple[EnginePool, VoiceCatalogue]:
        async with self._loading:
            if self._ready is None:
                self._ready = await self._made_ready(on_progress)
            return self._ready

    async def _made_ready(self, on_progress: ProgressCallback) -> tuple[EnginePool, VoiceCatalogue]:
        pool = EnginePool(_new_engine, most=self.capabilities.concurrency + SUSPENDABLE, most_idle=MOST_IDLE)
        try:
            async with pool.lend() as engine:
                catalogue = await to_thread.run_sync(_catalogue, engine)
                version = engine.version
        except BaseException:
            await pool.aclose()
            raise
        self.capabilities = dataclasses.replace(self.capabilities, languages=catalogue.languages)
        message = f"espeak-ng {version} with {len(catalogue.voices)} voices"
        on_progress(ProgressEvent("loading", backend=self.name, message=message, fraction=1.0))
        return pool, catalogue


def _new_engine() -> Engine:
    return Engine(*native.installed_files())


def _catalogue(engine: Engine) -> VoiceCatalogue:
    return VoiceCatalogue(engine.voices(), engine.variants())


def _parameters(request: SegmentRequest, catalogue: VoiceCatalogue) -> SpeechParameters:
    """The parameters of a request in the library's units.

    Raises:
        UnknownVoiceError: no such voice.
        UnsupportedOptionError: speed or an option is out of range.
    """
    if not SPEED_RANGE[0] <= request.speed <= SPEED_RANGE[1]:
        low, high = SPEED_RANGE
        raise UnsupportedOptionError(f"speed {request.speed} is not in {low} to {high}", param="speed")
    try:
        options = EspeakOptions.model_validate(dict(request.options))
    except ValidationError as exc:
        raise UnsupportedOptionError(f"options of espeak: {exc}", param="options") from exc
    return SpeechParameters(
        voice=catalogue.identifier(request.voice.id),
        rate=round(NORMAL_RATE * request.speed),
        pitch=options.pitch,
        pitch_range=options.pitch_range,
        volume=level_of(request.voice.id).volume,
        word_gap=max(0, round((options.word_gap - GAP_OFFSET) / GAP_UNIT)),
    )
