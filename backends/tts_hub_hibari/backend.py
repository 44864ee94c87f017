"""`HibariBackend`, the engine hibari."""

from __future__ import annotations

import dataclasses
import gc
import json
import os
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import ClassVar, cast

import anyio
from anyio import to_thread

from tts_hub.backend import BackendOptions, BackendSettings, TTSBackend
from tts_hub.download.folders import remove, unsound_of
from tts_hub.errors import UnknownVoiceError
from tts_hub.progress import ProgressCallback, ProgressEvent, ignore
from tts_hub.threads import iterate_in_thread
from tts_hub.types import AudioChunk, Availability, Capabilities, ModelFiles, SegmentRequest, Voice
from tts_hub_hibari.compact import give_back_memory
from tts_hub_hibari.dimensions import MODEL
from tts_hub_hibari.files import (
    REMEDY,
    PublishedVoice,
    check,
    installed_voices,
    model_files,
    published_voices,
    pull_command,
    unusable,
    voices_availability,
)
from tts_hub_hibari.graph import Run, load_graph
from tts_hub_hibari.reader import Reader
from tts_hub_hibari.settings import HibariOptions, HibariSettings
from tts_hub_hibari.speech import LoadedVoice, speak
from tts_hub_hibari.voices import VoiceCatalogue

LANGUAGES = ("en-US", "en-GB")
SPEED_RANGE = (0.5, 2.0)
"""Speeds that the model makes itself: within 2 % of the wanted length."""
LOUDNESS_LUFS = -26.4
"""Median of eight sentences in the voice `heart`, which differ by less than 1 LU."""
CORES_PER_PIECE = 2
"""Processor cores for each piece: on two cores, two pieces at once make no more audio than one at a time,
begin later, and take 70 MB more."""
WARM_UP_TEXT = "Good morning."


class HibariBackend(TTSBackend):
    """hibari: small, natural English voices, over 50 times real time on one core; one is in the package."""

    name = MODEL
    description = "hibari, built in: natural English, fast on any processor, no download"
    models: ClassVar[tuple[str, ...]] = (MODEL,)
    priority = 5
    Settings: ClassVar[type[BackendSettings]] = HibariSettings
    Options: ClassVar[type[BackendOptions]] = HibariOptions

    def __init__(self, settings: BackendSettings | None = None) -> None:
        super().__init__(settings)
        self._settings = cast("HibariSettings", self.settings)
        self.capabilities = Capabilities(
            streaming=False,
            word_timings=True,
            seed=True,
            languages=LANGUAGES,
            speed_range=SPEED_RANGE,
            concurrency=self._settings.concurrency or max(1, (os.cpu_count() or 1) // CORES_PER_PIECE),
            first_chars=self._settings.first_characters,
            loudness_lufs=LOUDNESS_LUFS,
        )
        self._loading = anyio.Lock()
        self._loaded: dict[str, LoadedVoice] = {}
        self._readers: dict[bool, Reader] = {}

    @classmethod
    def availability(cls, settings: BackendSettings) -> Availability:
        """Whether the packages and a voice are here."""
        return voices_availability()

    @classmethod
    def downloads(cls, settings: BackendSettings) -> Sequence[ModelFiles]:
        """The voices, each as a variant, and which of them are installed."""
        return model_files(cast("HibariSettings", settings))

    @classmethod
    async def pull(
        cls, files: ModelFiles, settings: BackendSettings, on_progress: ProgressCallback = ignore
    ) -> None:
        """Download the file of a voice if it is missing or damaged.

        Raises:
            BackendUnavailableError: no network, no space, or a file that differs from the published one.
        """
        from tts_hub.download.web import fetch_from_web  # deferred: only a download needs an HTTP client

        voice = published_voices()[files.variant]
        on_progress(ProgressEvent("downloading", backend=MODEL, message="checking the files on disk"))
        wanted = await to_thread.run_sync(unsound_of, [voice.place], abandon_on_cancel=True)
        if wanted and voice.bundled:
            raise unusable(f"the file of voice {voice.name!r} in the package is damaged", voice.remedy)
        if wanted:
            release = cast("HibariSettings", settings).release
            await fetch_from_web(MODEL, release, wanted, on_progress, remedy=pull_command(voice.name))

    @classmethod
    async def remove(cls, files: ModelFiles, settings: BackendSettings) -> int:
        """Delete a voice that was downloaded; returns the bytes that are free again.

        The voice in the package stays: it goes with the package.
        """
        voice = published_voices()[files.variant]
        return 0 if voice.bundled else await to_thread.run_sync(remove, [voice.place])

    async def load(self, on_progress: ProgressCallback = ignore) -> None:
        """Check and read the default voice, and the dictionaries of its reader.

        Raises:
            BackendUnavailableError: a package or a file is missing or damaged.
        """
        voice = await self.find_voice(None, None)
        await self._voice(voice.id, on_progress)

    async def voices(self) -> Sequence[Voice]:
        """The installed voices."""
        return self._catalogue().voices

    async def find_voice(self, voice: str | None, language: str | None) -> Voice:
        """An installed voice by its name, by Kokoro's (`af_heart`), or by the name of one of OpenAI's voices.

        Raises:
            UnknownVoiceError: no voice of that name, or it is not downloaded.
            UnsupportedLanguageError: another language than English.
        """
        return self._catalogue().find(voice, language, self.settings.voice)

    async def generate_stream(
        self, request: SegmentRequest, on_progress: ProgressCallback = ignore
    ) -> AsyncGenerator[AudioChunk, None]:
        """Speak one segment, a piece of at most 200 phonemes at a time; closing it stops the graph.

        A text without a letter or digit has no audio. Without a seed the noise in the voice is that of
        seed 0: the same text always sounds the same.

        Raises:
            GenerationError: the graph failed.
            InvalidRequestError: inline phonemes or a script that cannot be spoken.
        """
        loaded = await self._voice(request.voice.id, ignore)
        run = Run()
        said = iterate_in_thread(
            lambda: speak(loaded, request, run), ahead=1, name="hibari", interrupt=run.stop
        )
        async with aclosing(said) as pieces:
            async for piece in pieces:
                if isinstance(piece, AudioChunk):
                    yield piece
                else:
                    on_progress(piece)

    async def warm_up(self) -> None:
        """Speak once and drop the audio: the first run of a graph is the slowest."""
        request = SegmentRequest(
            text=WARM_UP_TEXT, voice=await self.find_voice(None, None), language="en-US", request_id="warm-up"
        )
        async with aclosing(self.generate_stream(request)) as chunks:
            async for _ in chunks:
                pass

    async def aclose(self) -> None:
        """Release the graphs and the dictionaries."""
        async with self._loading:
            self._loaded, self._readers = {}, {}
            gc.collect()
            give_back_memory()

    def _catalogue(self) -> VoiceCatalogue:
        installed = installed_voices()
        if not installed:
            found = self.availability(self._settings)
            raise unusable(found.reason or "no voice is installed", found.remedy or REMEDY)
        return VoiceCatalogue(published_voices(), installed)

    async def _voice(self, name: str, on_progress: ProgressCallback) -> LoadedVoice:
        """A loaded voice, which is read when it is first needed."""
        if loaded := self._loaded.get(name):
            return loaded
        async with self._loading:
            if name not in self._loaded:
                published = published_voices().get(name)
                if published is None:
                    raise UnknownVoiceError(f"hibari has no voice {name!r}")
                on_progress(ProgressEvent("loading", backend=MODEL, message=f"reading voice {name}"))
                self._loaded[name] = await to_thread.run_sync(
                    _load, published, self._settings.threads, self._readers
                )
                if not self._loaded[name].graph.has_durations:
                    self.capabilities = dataclasses.replace(self.capabilities, speed_range=(1.0, 1.0))
            return self._loaded[name]


def _load(voice: PublishedVoice, threads: int, readers: dict[bool, Reader]) -> LoadedVoice:
    """Load a voice, and the reader of its variety if it is not in `readers`. Blocking, about a second."""
    check(voice)
    try:
        graph = load_graph(voice.place.path, threads, voice.remedy)
        if voice.british not in readers:
            readers[voice.british] = Reader(_vocabulary(), british=voice.british)
    except ImportError as exc:
        raise unusable(f"a package cannot be imported: {exc}", REMEDY) from exc
    return LoadedVoice(graph, readers[voice.british])


def _vocabulary() -> Mapping[str, int]:
    """Symbol -> token."""
    from hibari.tts import ASSETS  # imports scipy where it is installed, which is slow

    with open(os.path.join(ASSETS, "vocab.json"), encoding="utf-8") as file:
        return cast("Mapping[str, int]", json.load(file))
