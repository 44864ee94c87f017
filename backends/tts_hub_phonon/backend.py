"""`PhononBackend`, the engine Phonon and Pocket TTS."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.util
import os
import secrets
import unicodedata
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import ClassVar, cast

import anyio
from anyio import to_thread
from pydantic import ValidationError

from tts_hub.backend import BackendOptions, BackendSettings, TTSBackend, pick_voice
from tts_hub.download.folders import remove
from tts_hub.errors import UnsupportedLanguageError, UnsupportedOptionError, install_command
from tts_hub.progress import ProgressCallback, ProgressEvent, ignore
from tts_hub.threads import iterate_in_thread
from tts_hub.types import AudioChunk, Availability, Capabilities, ModelFiles, SegmentRequest, Voice
from tts_hub_phonon.checkpoints import MODEL
from tts_hub_phonon.files import (
    LIST,
    LocalCheckpoint,
    files_availability,
    folder_of,
    local_checkpoint,
    model_files,
    places_of,
    unusable,
)
from tts_hub_phonon.model import LoadedModel, Stop, load_model
from tts_hub_phonon.settings import LOWERING, PhononOptions, PhononSettings
from tts_hub_phonon.voices import FoundVoice, cloned_voice, find_voices, has_speaker_encoder, languages_of

PACKAGE = "ptts"
REMEDY = install_command("phonon")
CORES_PER_STREAM = 2
DRAWN_BITS = 53
"""Bits of a seed that goes into a report: many readers of JSON have no more for a number."""
_SECRET = secrets.token_bytes(16)


class PhononBackend(TTSBackend):
    """Phonon and Pocket TTS: small models on the processor, streamed in frames of 80 ms."""

    name = "phonon"
    description = "Phonon and Pocket TTS, in the process: small, streamed in frames of 80 ms"
    models: ClassVar[tuple[str, ...]] = (MODEL,)
    priority = 8
    Settings: ClassVar[type[BackendSettings]] = PhononSettings
    Options: ClassVar[type[BackendOptions]] = PhononOptions
    lowering = LOWERING

    def __init__(self, settings: BackendSettings | None = None) -> None:
        super().__init__(settings)
        self._settings = cast("PhononSettings", self.settings)
        self.capabilities = Capabilities(
            streaming=True,
            seed=True,
            concurrency=self._settings.concurrency or max(2, (os.cpu_count() or 1) // CORES_PER_STREAM),
        )
        self._loading = anyio.Lock()
        self._model: LoadedModel | None = None

    @classmethod
    def availability(cls, settings: BackendSettings) -> Availability:
        """Whether the package and a checkpoint are here."""
        if importlib.util.find_spec(PACKAGE) is None:
            return Availability(False, f"the package {PACKAGE} is not installed", REMEDY)
        return files_availability(cast("PhononSettings", settings))

    @classmethod
    def downloads(cls, settings: BackendSettings) -> Sequence[ModelFiles]:
        """The official checkpoints with their licences, and which of them are here."""
        return model_files(cast("PhononSettings", settings))

    @classmethod
    async def pull(
        cls, files: ModelFiles, settings: BackendSettings, on_progress: ProgressCallback = ignore
    ) -> None:
        """Download the missing or damaged files of a checkpoint, after a notice of its licence.

        Raises:
            BackendUnavailableError: no network, no access, no space, or a file is not the published one.
        """
        from tts_hub_phonon.fetching import fetch  # deferred: only a download needs an HTTP client

        await fetch(files.variant, cast("PhononSettings", settings).hub, on_progress)

    @classmethod
    async def remove(cls, files: ModelFiles, settings: BackendSettings) -> int:
        """Delete a checkpoint; returns the bytes that are free again."""
        return await to_thread.run_sync(_remove, files.variant)

    def capabilities_for(self, model: str) -> Capabilities:
        """What the checkpoint that is here can do; its languages are known before it is loaded."""
        checkpoint = local_checkpoint(self._settings) if self._model is None else None
        if checkpoint is None:
            return self.capabilities
        return dataclasses.replace(self.capabilities, languages=checkpoint.languages)

    async def load(self, on_progress: ProgressCallback = ignore) -> None:
        """Check the files and load the model.

        Raises:
            BackendUnavailableError: a file or the package is missing or damaged.
        """
        await self._load(on_progress)

    async def voices(self) -> Sequence[Voice]:
        """The voices of the checkpoint and of the user's folder; they need no loaded model."""
        return [found.voice for found in await self._voices()]

    async def generate_stream(
        self, request: SegmentRequest, on_progress: ProgressCallback = ignore
    ) -> AsyncGenerator[AudioChunk, None]:
        """Speak one segment, frame by frame; closing it stops the model within one frame.

        A text without a letter or digit has no audio.

        Raises:
            GenerationError: the model failed.
            InvalidRequestError: a text, a voice or an option that cannot be spoken.
        """
        temperature = _options(request).temperature
        if not any(map(str.isalnum, request.text)):
            return  # only marks: the model would invent speech
        _require_latin(request)
        voice = await self._found(request.voice)
        model = await self._load(on_progress)
        await to_thread.run_sync(model.add, voice)
        seed = _new_seed(request.request_id) if request.seed is None else request.seed
        drawn = seed if request.seed is None else None
        known = self.capabilities_for(MODEL).languages
        language = request.language or request.voice.language or next(iter(known), "en")
        stop = Stop()
        said = iterate_in_thread(
            lambda: model.speak(
                request.text,
                language,
                voice=voice.voice.id,
                seed=_of_segment(seed, request.index),
                temperature=temperature,
                stop=stop,
            ),
            name="phonon",
            interrupt=stop.stop,
        )
        async with aclosing(said) as chunks:
            async for chunk in chunks:
                yield dataclasses.replace(chunk, seed=drawn)

    async def aclose(self) -> None:
        """Release the model."""
        async with self._loading:
            self._model = None

    async def _found(self, voice: Voice) -> FoundVoice:
        """The files of a voice: one of the store, or one that `voices` lists."""
        if voice.samples:
            return cloned_voice(voice)
        found = await self._voices()
        wanted = pick_voice([each.voice for each in found], voice.id, None)
        return next(each for each in found if each.voice == wanted)

    async def _voices(self) -> list[FoundVoice]:
        return await to_thread.run_sync(find_voices, self._checkpoint(), self._settings.voices_folder)

    def _checkpoint(self) -> LocalCheckpoint:
        checkpoint = local_checkpoint(self._settings)
        if checkpoint is None:
            found = files_availability(self._settings)
            raise unusable(found.reason, found.remedy)
        return checkpoint

    async def _load(self, on_progress: ProgressCallback) -> LoadedModel:
        async with self._loading:
            if self._model is None:
                checkpoint = self._checkpoint()
                message = f"reading {checkpoint.folder.name}"
                on_progress(ProgressEvent("loading", backend=self.name, message=message))
                self._model = await to_thread.run_sync(
                    lambda: load_model(
                        checkpoint,
                        quant=self._settings.quant,
                        threads=self._settings.threads,
                        remedy=REMEDY,
                    )
                )
                self.capabilities = dataclasses.replace(
                    self.capabilities,
                    languages=languages_of(checkpoint),
                    cloning=has_speaker_encoder(checkpoint),
                )
            return self._model


def _options(request: SegmentRequest) -> PhononOptions:
    try:
        return PhononOptions.model_validate(dict(request.options))
    except ValidationError as exc:
        raise UnsupportedOptionError(f"options of phonon: {exc}", param="options") from exc


def _require_latin(request: SegmentRequest) -> None:
    """Refuse a text without any Latin letter or digit: the model would babble."""
    plain = unicodedata.normalize("NFKC", request.text)
    letters = [letter for letter in plain if letter.isalpha()]
    if letters and not any(unicodedata.name(letter, "").startswith("LATIN") for letter in letters):
        script = unicodedata.name(letters[0], "other").partition(" ")[0].capitalize()
        raise UnsupportedLanguageError(f"the text is in {script} letters, which Phonon does not read")


def _new_seed(request_id: str) -> int:
    """A seed for a request that names none: the same in all its segments, and in no other request."""
    digest = hashlib.blake2b(request_id.encode(), key=_SECRET, digest_size=8).digest()
    return int.from_bytes(digest, "big") >> (64 - DRAWN_BITS)


def _of_segment(seed: int, index: int) -> int:
    """The seed of a segment: the same for the same seed and number."""
    digest = hashlib.blake2b(f"{seed}/{index}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big")


def _remove(name: str) -> int:
    freed = remove(places_of(name) or [])
    folder = folder_of(name)
    (folder / LIST).unlink(missing_ok=True)
    for path in (*sorted(folder.glob("*/"), reverse=True), folder):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()
    return freed
