"""`KokoroBackend`, the engine Kokoro-82M."""

from __future__ import annotations

import dataclasses
import importlib.util
import os
from collections.abc import AsyncGenerator, Container, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import ClassVar, cast

import anyio
from anyio import to_thread

from tts_hub.backend import BackendOptions, BackendSettings, TTSBackend
from tts_hub.download.folders import remove, unsound_of
from tts_hub.errors import BackendUnavailableError, UsageError, install_command
from tts_hub.onnx.session import Run
from tts_hub.progress import ProgressCallback, ProgressEvent, ignore
from tts_hub.text.phonemes.english.alphabet import JOINED
from tts_hub.threads import iterate_in_thread
from tts_hub.types import AudioChunk, Availability, Capabilities, ModelFiles, SegmentRequest, Voice
from tts_hub_kokoro.events import event_of
from tts_hub_kokoro.files import (
    LocalModel,
    check,
    files_availability,
    local_model,
    model_files,
    places_of,
    pull_command,
    removable,
    unusable,
    voices_file,
)
from tts_hub_kokoro.graph import load_graph
from tts_hub_kokoro.languages import TAGS
from tts_hub_kokoro.phonemes import Phonemizer
from tts_hub_kokoro.settings import KokoroOptions, KokoroSettings
from tts_hub_kokoro.speech import LoadedModel, speak
from tts_hub_kokoro.variants import MODEL, PULL_COMMAND
from tts_hub_kokoro.voices import Styles, VoiceCatalogue, voice_names

PACKAGES = ("kokoro_onnx", "onnxruntime")
REMEDY = install_command("kokoro")
SPEED_RANGE = (0.5, 2.0)
CORES_PER_PIECE = 4
"""Processor cores that one piece uses: more pieces run at once only on more cores."""
WARM_UP_TEXT = "Good morning."


class KokoroBackend(TTSBackend):
    """Kokoro-82M: natural and fast on any processor, nine languages, 54 voices and their mixes."""

    name = "kokoro"
    description = "Kokoro-82M, in the process: natural, fast on any processor, nine languages"
    models: ClassVar[tuple[str, ...]] = (MODEL,)
    priority = 10
    Settings: ClassVar[type[BackendSettings]] = KokoroSettings
    Options: ClassVar[type[BackendOptions]] = KokoroOptions

    def __init__(self, settings: BackendSettings | None = None) -> None:
        super().__init__(settings)
        self._settings = cast("KokoroSettings", self.settings)
        self.capabilities = Capabilities(
            streaming=False,
            word_timings=True,
            languages=TAGS,
            speed_range=SPEED_RANGE,
            concurrency=self._settings.concurrency or max(1, (os.cpu_count() or 1) // CORES_PER_PIECE),
            first_chars=self._settings.first_characters,
        )
        self._loading = anyio.Lock()
        self._model: LoadedModel | None = None
        self._catalogue: tuple[Path, float, VoiceCatalogue] | None = None

    @classmethod
    def availability(cls, settings: BackendSettings) -> Availability:
        """Whether the packages and the files of the model are here."""
        missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
        if missing:
            return Availability(False, f"packages that are not installed: {', '.join(missing)}", REMEDY)
        return files_availability(cast("KokoroSettings", settings))

    @classmethod
    def downloads(cls, settings: BackendSettings) -> Sequence[ModelFiles]:
        """The variants of the model, and which of their files are installed."""
        return model_files(cast("KokoroSettings", settings))

    @classmethod
    async def pull(
        cls, files: ModelFiles, settings: BackendSettings, on_progress: ProgressCallback = ignore
    ) -> None:
        """Download the missing or damaged files of a variant from the published release.

        Raises:
            BackendUnavailableError: no network, no space, or a file that differs from the published one.
        """
        from tts_hub.download.web import fetch_from_web  # deferred: only a download needs an HTTP client

        own = cast("KokoroSettings", settings)
        if not files.variant:
            return  # an export of the user's own
        on_progress(ProgressEvent("downloading", backend=MODEL, message="checking the files on disk"))
        wanted = await to_thread.run_sync(unsound_of, places_of(files.variant, own), abandon_on_cancel=True)
        if wanted:
            remedy = f"{PULL_COMMAND} --variant {files.variant}"
            await fetch_from_web(MODEL, own.release, wanted, on_progress, remedy=remedy)

    @classmethod
    async def remove(cls, files: ModelFiles, settings: BackendSettings) -> int:
        """Delete a variant, and the voices with the last variant; returns the bytes that are free again."""
        if not files.variant:
            raise UsageError(
                f"{files.folder} is your own folder (model_path): delete the files in it yourself"
            )
        places = removable(files.variant, cast("KokoroSettings", settings))
        return await to_thread.run_sync(remove, places)

    async def load(self, on_progress: ProgressCallback = ignore) -> None:
        """Check the files and read the graph.

        Raises:
            BackendUnavailableError: a file or a package is missing or damaged, or there is no such provider.
        """
        await self._load(on_progress)

    async def voices(self) -> Sequence[Voice]:
        """The voices in the voices file; they need no loaded graph."""
        return (await self._voices()).voices

    async def find_voice(self, voice: str | None, language: str | None) -> Voice:
        """The voice for a name, a mix such as `af_bella(2)+af_sky(1)`, or the name of one of OpenAI's voices.

        Raises:
            UnknownVoiceError: no voice of that name, or a mix that cannot be made.
            UnsupportedLanguageError: no voice of that language, or not the one named.
        """
        return (await self._voices()).find(voice, language, self.settings.voice)

    async def generate_stream(
        self, request: SegmentRequest, on_progress: ProgressCallback = ignore
    ) -> AsyncGenerator[AudioChunk, None]:
        """Speak one segment, a piece of at most 510 phonemes at a time; closing it stops the graph.

        A text without a letter or digit has no audio.

        Raises:
            GenerationError: the graph failed.
            InvalidRequestError: inline phonemes or a language that cannot be spoken.
        """
        loaded = await self._load(ignore)
        run = Run()
        said = iterate_in_thread(
            lambda: speak(loaded, request, run), ahead=1, name="kokoro", interrupt=run.stop
        )
        async with aclosing(said) as pieces:
            async for piece in pieces:
                if isinstance(piece, AudioChunk):
                    yield piece
                else:
                    on_progress(event_of(request, piece))

    async def warm_up(self) -> None:
        """Speak once and drop the audio: the first run of a graph is the slowest."""
        request = SegmentRequest(
            text=WARM_UP_TEXT, voice=await self.find_voice(None, None), language="en-US", request_id="warm-up"
        )
        async with aclosing(self.generate_stream(request)) as chunks:
            async for _ in chunks:
                pass

    async def aclose(self) -> None:
        """Release the graph."""
        async with self._loading:
            self._model = None

    async def _voices(self) -> VoiceCatalogue:
        file = voices_file(self._settings)
        if file is None:
            raise self._unavailable()
        changed = file.stat().st_mtime
        if self._catalogue is None or self._catalogue[:2] != (file, changed):
            names = await to_thread.run_sync(voice_names, file)
            self._catalogue = (file, changed, VoiceCatalogue(names))
        return self._catalogue[2]

    async def _load(self, on_progress: ProgressCallback) -> LoadedModel:
        async with self._loading:
            if self._model is None:
                model = local_model(self._settings)
                if model is None:
                    raise self._unavailable()
                on_progress(
                    ProgressEvent("loading", backend=self.name, message=f"reading {model.graph.name}")
                )
                self._model = await to_thread.run_sync(_load, model, self._settings)
                if self._model.graph.signature.whole_speeds:
                    self.capabilities = dataclasses.replace(self.capabilities, speed_range=(1.0, 1.0))
            return self._model

    def _unavailable(self) -> BackendUnavailableError:
        found = self.availability(self._settings)
        return unusable(found.reason, found.remedy or pull_command(self._settings))


def _load(model: LocalModel, settings: KokoroSettings) -> LoadedModel:
    """Load the model. Blocking: importing onnxruntime and reading the graph take seconds."""
    check(model)
    try:  # deferred: the package may be missing, and imports onnxruntime, which is slow
        from kokoro_onnx.session import embedded_vocab
        from kokoro_onnx.tokenizer import Tokenizer
    except ImportError as exc:
        raise unusable(f"a package is missing: {exc.name}", REMEDY) from exc
    names = voice_names(model.voices)
    graph = load_graph(model.graph, settings, model.remedy)
    tokenizer = Tokenizer(vocab=embedded_vocab(graph.session))
    phonemizer = Phonemizer(tokenizer, misaki=_reads_misaki(settings, tokenizer.vocab))
    return LoadedModel(graph, phonemizer, Styles(model.voices, names))


def _reads_misaki(settings: KokoroSettings, vocabulary: Container[str]) -> bool:
    """Whether English becomes misaki's phonemes: the reader is here, and the model knows them.

    Raises:
        BackendUnavailableError: the settings ask for a reader that is not here.
    """
    is_here = importlib.util.find_spec("hibari") is not None
    if settings.english == "misaki" and not is_here:
        raise unusable('english = "misaki" needs a package that is missing: hibari', "pip install hibari-tts")
    return settings.english != "espeak" and is_here and all(symbol in vocabulary for symbol in JOINED)
