"""`PiperBackend`, the engine Piper."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import secrets
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import ClassVar, cast

import anyio
from anyio import to_thread
from pydantic import ValidationError

from tts_hub.backend import BackendOptions, BackendSettings, TTSBackend
from tts_hub.download.folders import remove, unsound_of
from tts_hub.errors import UnsupportedOptionError, install_command
from tts_hub.onnx.session import Run
from tts_hub.progress import ProgressCallback, ProgressEvent, ignore
from tts_hub.threads import iterate_in_thread
from tts_hub.types import AudioChunk, Availability, Capabilities, ModelFiles, SegmentRequest, Voice
from tts_hub_piper.espeak import shared_espeak
from tts_hub_piper.events import event_of
from tts_hub_piper.files import (
    LocalVoice,
    address_of,
    files_availability,
    local_voices,
    model_files,
    places_of,
)
from tts_hub_piper.loaded import LoadedVoice, VoiceMemory
from tts_hub_piper.official import MODEL, official_voices, pull_command
from tts_hub_piper.settings import LOWERING, PiperOptions, PiperSettings
from tts_hub_piper.speech import Speaker, speak
from tts_hub_piper.voice_config import unusable
from tts_hub_piper.voices import DescribedVoice, VoiceCatalogue

PACKAGES = ("onnxruntime", "espeakng_loader")
REMEDY = install_command("piper")
SPEED_RANGE = (0.5, 2.0)
CORES_PER_PIECE = 2
"""Processor cores that one piece uses: more pieces run at once only on more cores."""
DRAWN_BITS = 53
"""Bits of a seed that goes into a report: many readers of JSON have no more for a number."""
_SECRET = secrets.token_bytes(16)


class PiperBackend(TTSBackend):
    """Piper: small voices in over forty languages, fast on any processor, with word timings."""

    name = "piper"
    description = "Piper, in the process: small and fast, over 40 languages, 171 voices to download"
    models: ClassVar[tuple[str, ...]] = (MODEL,)
    priority = 5
    Settings: ClassVar[type[BackendSettings]] = PiperSettings
    Options: ClassVar[type[BackendOptions]] = PiperOptions
    lowering = LOWERING

    def __init__(self, settings: BackendSettings | None = None) -> None:
        super().__init__(settings)
        self._settings = cast("PiperSettings", self.settings)
        self.capabilities = Capabilities(
            streaming=False,
            word_timings=True,
            seed=True,
            speed_range=SPEED_RANGE,
            concurrency=self._settings.concurrency or max(2, (os.cpu_count() or 1) // CORES_PER_PIECE),
            first_chars=self._settings.first_characters,
        )
        self._loading = anyio.Lock()
        self._memory: VoiceMemory | None = None
        self._catalogue: tuple[object, VoiceCatalogue] | None = None

    @classmethod
    def availability(cls, settings: BackendSettings) -> Availability:
        """Whether the packages and a voice are here."""
        missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
        if missing:
            return Availability(False, f"packages that are not installed: {', '.join(missing)}", REMEDY)
        return files_availability(cast("PiperSettings", settings))

    @classmethod
    def downloads(cls, settings: BackendSettings) -> Sequence[ModelFiles]:
        """The official voices, and which of them are here."""
        return model_files(cast("PiperSettings", settings))

    @classmethod
    async def pull(
        cls, files: ModelFiles, settings: BackendSettings, on_progress: ProgressCallback = ignore
    ) -> None:
        """Download the missing or damaged files of an official voice.

        Raises:
            BackendUnavailableError: no network, no space, or a file that differs from the published one.
        """
        from tts_hub.download.web import fetch_from_web  # deferred: only a download needs an HTTP client

        voice = official_voices()[files.variant]
        on_progress(ProgressEvent("downloading", backend=MODEL, message="checking the files on disk"))
        wanted = await to_thread.run_sync(unsound_of, places_of(voice), abandon_on_cancel=True)
        if wanted:
            address = address_of(voice, cast("PiperSettings", settings))
            await fetch_from_web(MODEL, address, wanted, on_progress, remedy=pull_command(voice.name))

    @classmethod
    async def remove(cls, files: ModelFiles, settings: BackendSettings) -> int:
        """Delete an official voice; returns the bytes that are free again."""
        return await to_thread.run_sync(remove, places_of(official_voices()[files.variant]))

    async def load(self, on_progress: ProgressCallback = ignore) -> None:
        """Load espeak-ng and the voice of requests that name none.

        Raises:
            BackendUnavailableError: a file or a package is missing or damaged.
        """
        default = await self.find_voice(None, None)
        await self._load_voice((await self._voices()).behind(default.id), on_progress)

    async def voices(self) -> Sequence[Voice]:
        """The voices that are here; they need no loaded graph."""
        return (await self._voices()).voices

    async def find_voice(self, voice: str | None, language: str | None) -> Voice:
        """The voice for a name, a speaker such as `en_US-arctic-medium+awb`, or one of OpenAI's names.

        Raises:
            UnknownVoiceError: no voice or speaker of that name.
            UnsupportedLanguageError: no voice of that language, or not the one named.
        """
        return (await self._voices()).find(voice, language, self.settings.voice)

    async def generate_stream(
        self, request: SegmentRequest, on_progress: ProgressCallback = ignore
    ) -> AsyncGenerator[AudioChunk, None]:
        """Speak one segment, a sentence at a time; closing it stops the graph.

        A text without a letter or digit has no audio.

        Raises:
            GenerationError: the graph failed.
            InvalidRequestError: a text or an option that cannot be spoken.
        """
        described = (await self._voices()).behind(request.voice.id)
        voice = await self._load_voice(described, on_progress)
        speaker = _speaker(voice, described, request)
        run = Run()
        said = iterate_in_thread(
            lambda: speak(speaker, request, run), ahead=1, name="piper", interrupt=run.stop
        )
        async with aclosing(said) as pieces:
            async for piece in pieces:
                if isinstance(piece, AudioChunk):
                    yield piece
                else:
                    on_progress(event_of(request, piece))

    async def aclose(self) -> None:
        """Release the voices."""
        async with self._loading:
            self._memory = None

    async def _voices(self) -> VoiceCatalogue:
        """The voices that are here, read again when a file has come, gone or changed."""
        local = local_voices(self._settings)
        if not local:
            found = self.availability(self._settings)
            raise unusable(found.reason, found.remedy or pull_command())
        state = await to_thread.run_sync(_state, list(local.values()))
        if self._catalogue is None or self._catalogue[0] != state:
            self._catalogue = (state, await to_thread.run_sync(VoiceCatalogue, local))
        return self._catalogue[1]

    async def _load_voice(self, voice: DescribedVoice, on_progress: ProgressCallback) -> LoadedVoice:
        async with self._loading:
            if self._memory is None:
                missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
                if missing:
                    raise unusable(f"packages that are not installed: {', '.join(missing)}", REMEDY)
                espeak = await to_thread.run_sync(shared_espeak)
                self._memory = VoiceMemory(self._settings.voices_in_memory, self._settings.threads, espeak)
            memory = self._memory
        return await memory.get(voice, on_progress)


def _speaker(voice: LoadedVoice, described: DescribedVoice, request: SegmentRequest) -> Speaker:
    """A voice with the options of a request.

    Raises:
        UnknownVoiceError: no such speaker.
        UnsupportedOptionError: an option is out of range, or the voice takes no seed.
    """
    try:
        options = PiperOptions.model_validate(dict(request.options))
    except ValidationError as exc:
        raise UnsupportedOptionError(f"options of piper: {exc}", param="options") from exc
    if request.seed is not None and not voice.graph.takes_noise:
        raise UnsupportedOptionError(f"voice {voice.name!r} draws its noise itself: no seed", param="seed")
    seed = _new_seed(request.request_id) if request.seed is None else request.seed
    number = described.speaker(request.voice.id)
    return Speaker(voice, number, options, seed, reports_seed=request.seed is None)


def _new_seed(request_id: str) -> int:
    """A seed for a request that names none: the same in all its segments, and in no other request."""
    digest = hashlib.blake2b(request_id.encode(), key=_SECRET, digest_size=8).digest()
    return int.from_bytes(digest, "big") >> (64 - DRAWN_BITS)


def _state(voices: Sequence[LocalVoice]) -> object:
    return [(voice.config, voice.config.stat().st_mtime_ns) for voice in voices]
