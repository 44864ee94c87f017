"""`ChatterboxTurbo` and `ChatterboxNano`: the hub's side of Chatterbox."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

import anyio
from anyio import from_thread, lowlevel, to_thread

from tts_hub.backend import BackendOptions, BackendSettings, TTSBackend
from tts_hub.errors import BackendUnavailableError, UnknownVoiceError, install_command, shown
from tts_hub.progress import ProgressCallback, ProgressEvent, ignore
from tts_hub.threads import stream_from_thread
from tts_hub.types import AudioChunk, Availability, Capabilities, ModelFiles, SegmentRequest, Voice
from tts_hub_chatterbox.files.download import (
    files_availability,
    local_files,
    model_files,
    pull,
    remove_files,
    translate_load_failure,
)
from tts_hub_chatterbox.files.variants import NANO, TURBO, Variant
from tts_hub_chatterbox.memory import free_memory
from tts_hub_chatterbox.settings import ROWS, TURBO_LOWERING, ChatterboxSettings, TurboOptions
from tts_hub_chatterbox.voices.folder import DEFAULT_VOICE, LANGUAGE, VoiceFolder

if TYPE_CHECKING:
    from tts_hub_chatterbox.loading import LoadedModel
    from tts_hub_chatterbox.scheduler.loop import SpeechLoop
    from tts_hub_chatterbox.scheduler.segment import Progress, Segment
    from tts_hub_chatterbox.voices.conditioning import Conditioning

PACKAGES = ("torch", "safetensors", "tokenizers", "soxr", "pyloudnorm")
REMEDY = install_command("chatterbox")
MAX_CHARS = 300
"""Longer segments come near the limit of speech tokens, and lose their text."""
MIN_CLIP_SECONDS = 5.0
"""A clip must be longer than this."""
MIN_CHARS = 40
"""Shorter pieces would be cut out of their sentences, however low the limit of tokens is."""
CHARS_PER_TOKEN = 0.3
"""Half of what usual speech has, so that slow speech also comes to its end."""
WARM_UP_TEXT = "Good morning, and welcome."
WARM_UP_TOKENS = 40
OPENAI_VOICES = (
    *("alloy", "ash", "ballad", "cedar", "coral", "echo", "fable"),
    *("marin", "nova", "onyx", "sage", "shimmer", "verse"),
)
"""Further names of the built-in voice: OpenAI's clients always send one of these."""


class ChatterboxBackend(TTSBackend):
    """A model of the Chatterbox family; the subclasses say which."""

    variant: ClassVar[Variant]
    Settings: ClassVar[type[BackendSettings]] = ChatterboxSettings
    Options: ClassVar[type[BackendOptions]] = TurboOptions
    lowering = TURBO_LOWERING

    def __init__(self, settings: BackendSettings | None = None) -> None:
        super().__init__(settings)
        self._settings = cast("ChatterboxSettings", self.settings)
        self.capabilities = Capabilities(
            streaming=True,
            cloning=True,
            clip_seconds=MIN_CLIP_SECONDS,
            seed=True,
            languages=(LANGUAGE,),
            max_chars=max(MIN_CHARS, min(MAX_CHARS, int(self._settings.max_speech_tokens * CHARS_PER_TOKEN))),
            concurrency=self._settings.concurrency or ROWS,
            ahead_seconds=self._settings.ahead_seconds,
            watermark=self._settings.watermark,
        )
        voices_folder = self._settings.voices_folder
        self._folder = VoiceFolder(None if voices_folder is None else voices_folder.expanduser())
        self._loading = anyio.Lock()
        self._loaded: LoadedModel | None = None

    @classmethod
    def availability(cls, settings: BackendSettings) -> Availability:
        """Whether the packages and the files of the model are on this machine."""
        own = cast("ChatterboxSettings", settings)
        missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
        if own.watermark and not any(importlib.metadata.distributions(name="resemble-perth")):
            missing.append("resemble-perth")
        if missing:
            return Availability(False, f"packages that are not installed: {', '.join(missing)}", REMEDY)
        return files_availability(cls.variant, own)

    @classmethod
    def downloads(cls, settings: BackendSettings) -> Sequence[ModelFiles]:
        """The model's files, and which of them are missing."""
        return (model_files(cls.variant, cast("ChatterboxSettings", settings)),)

    @classmethod
    async def pull(
        cls, files: ModelFiles, settings: BackendSettings, on_progress: ProgressCallback = ignore
    ) -> None:
        """Fetch the files from the Hugging Face Hub.

        Raises:
            BackendUnavailableError: no network, no access, no space, or not what was published.
        """
        await pull(cls.variant, cast("ChatterboxSettings", settings), on_progress)

    @classmethod
    async def remove(cls, files: ModelFiles, settings: BackendSettings) -> int:
        """Delete the model from the cache of the Hugging Face Hub; returns the bytes that are free again."""
        return await to_thread.run_sync(remove_files, cls.variant, cast("ChatterboxSettings", settings))

    async def load(self, on_progress: ProgressCallback = ignore) -> None:
        """Read the nets and the built-in voice.

        Raises:
            BackendUnavailableError: a file or a package is missing or broken, or there is no such device.
        """
        await self._load(on_progress)

    async def voices(self) -> Sequence[Voice]:
        """The built-in voice and the clips of `voices_folder`; needs no net."""
        return (_built_in_voice(), *await to_thread.run_sync(self._folder.voices))

    async def find_voice(self, voice: str | None, language: str | None) -> Voice:
        """Find a voice as every engine does; the error for an unusable clip says how to rename it."""
        try:
            return await super().find_voice(voice, language)
        except UnknownVoiceError as exc:
            name = voice or self._settings.voice or ""
            problem = await to_thread.run_sync(self._folder.problem, name)
            if not problem:
                raise
            raise UnknownVoiceError(f"unknown voice {shown(name)}; {problem}") from exc

    async def generate_stream(
        self, request: SegmentRequest, on_progress: ProgressCallback = ignore
    ) -> AsyncGenerator[AudioChunk, None]:
        """Speak one segment while its tokens are sampled; cancelling stops within one step of the loop.

        A text without a letter or digit gives no audio.

        Raises:
            GenerationError: the nets gave no finite numbers, no take was any good, or memory is used up.
            InvalidRequestError: the voice's clip is of no use, or the text is too long.
            OverloadedError: there is no room for one more voice in real time.
        """
        if not any(map(str.isalnum, request.text)):
            return  # the net would invent words for emoji and dots
        loaded = await self._load(ignore)
        voice = await self._conditioning(loaded, request.voice)
        segment = loaded.segment(request, voice, limit=self._settings.max_speech_tokens)
        reported = 0.0
        async with aclosing(self._speak(loaded.loop, segment)) as parts:
            async for part in parts:
                if isinstance(part, AudioChunk):
                    yield part
                elif part.stage != "waiting" or part.seconds >= reported + 1:
                    reported = part.seconds if part.stage == "waiting" else reported
                    on_progress(self._event(request, part))

    async def prepare_voice(self, voice: Voice, on_progress: ProgressCallback = ignore) -> None:
        """Compute the conditioning of a voice, unless it is kept already.

        Raises:
            InvalidRequestError: the clip is of no use.
            GenerationError: memory is used up, or the net gave no finite numbers.
        """
        await self._conditioning(await self._load(on_progress), voice)

    def statistics(self) -> Mapping[str, str | int | float]:
        """The device, the number types, and how often the conditioning of a voice was at hand."""
        if self._loaded is None:
            return {}
        model, prepared = self._loaded.loop.model, self._loaded.prepared
        return {
            "device": str(model.device),
            "dtype": str(model.precision.t3).removeprefix("torch."),
            "voices_in_memory": prepared.count,
            "voices_found": prepared.found,
            "voices_computed": prepared.computed,
        }

    def forget_voices(self) -> None:
        """Drop the conditionings in memory."""
        if self._loaded is not None:
            self._loaded.prepared.clear()

    async def warm_up(self) -> None:
        """Speak a short text, so that all that is prepared at first use is there."""
        loaded = await self._load(ignore)
        request = SegmentRequest(text=WARM_UP_TEXT, voice=_built_in_voice(), seed=0, request_id="warm-up")
        limit = min(WARM_UP_TOKENS, self._settings.max_speech_tokens)
        segment = loaded.segment(request, loaded.built_in, limit=limit)
        async with aclosing(self._speak(loaded.loop, segment)) as parts:
            async for _ in parts:
                pass
        await to_thread.run_sync(loaded.loop.warm_up)

    async def aclose(self) -> None:
        """End the loop and free the nets."""
        async with self._loading:
            loaded, self._loaded = self._loaded, None
            if loaded is not None:
                await to_thread.run_sync(loaded.loop.close)
                del loaded
                await to_thread.run_sync(free_memory)

    async def _speak(self, loop: SpeechLoop, segment: Segment) -> AsyncGenerator[Progress | AudioChunk, None]:
        """The progress and the audio of a segment, until the reader stops."""
        loop.submit(segment)
        async with aclosing(stream_from_thread(segment.produce, name=self.name)) as parts:
            try:
                async for part in parts:
                    yield part
            finally:
                segment.cancelled.set()

    async def _load(self, on_progress: ProgressCallback) -> LoadedModel:
        async with self._loading:
            if self._loaded is not None and self._loaded.loop.failed:
                self._loaded = None  # a failed loop is loaded anew
            if self._loaded is None:
                token = lowlevel.current_token()

                def on_message(message: str) -> None:
                    event = ProgressEvent("loading", backend=self.name, message=message)
                    from_thread.run_sync(on_progress, event, token=token)

                folder = local_files(self.variant, self._settings)
                if folder is None:
                    availability = files_availability(self.variant, self._settings)
                    raise BackendUnavailableError(
                        availability.reason, backend=self.name, remedy=availability.remedy
                    )
                with translate_load_failure(self.name, self.variant, self._settings):
                    self._loaded = await to_thread.run_sync(
                        _load, self.variant, self._settings, folder, on_message
                    )
            return self._loaded

    async def _conditioning(self, loaded: LoadedModel, voice: Voice) -> Conditioning:
        """The conditioning of a voice, computed from its clip when it is first asked for."""
        if voice.id == DEFAULT_VOICE and not voice.samples:
            return loaded.built_in
        return await loaded.conditioning(self._folder, voice, backend=self.name)

    def _event(self, request: SegmentRequest, progress: Progress) -> ProgressEvent:
        return ProgressEvent(
            "generating",
            backend=self.name,
            request_id=request.request_id,
            segment=request.index,
            message=f"{progress.speech_tokens} speech tokens",
            details={
                "stage": progress.stage,
                "text_tokens": progress.text_tokens,
                "speech_tokens": progress.speech_tokens,
                "real_time_factor": progress.real_time_factor,
            },
        )


class ChatterboxTurbo(ChatterboxBackend):
    """Chatterbox Turbo: 350 million parameters, natural, with laughs and sighs."""

    name = "chatterbox_turbo"
    description = "Chatterbox Turbo, in the process: natural, clones voices, [laugh] and [sigh]"
    models = (TURBO.model,)
    priority = 30
    variant = TURBO


class ChatterboxNano(ChatterboxBackend):
    """Chatterbox Nano: Turbo with a third of the net that reads the text."""

    name = "chatterbox_nano"
    description = "Chatterbox Nano, in the process: Turbo's sound at a fraction of the work"
    models = (NANO.model,)
    priority = 20
    variant = NANO


def _load(
    variant: Variant, settings: ChatterboxSettings, folder: Path, on_message: Callable[[str], None]
) -> LoadedModel:
    from tts_hub_chatterbox.loading import load  # in a thread, as importing torch takes seconds

    return load(variant, settings, folder, on_message)


def _built_in_voice() -> Voice:
    return Voice(
        id=DEFAULT_VOICE,
        name="Default",
        language=LANGUAGE,
        description="the voice that comes with the model",
        aliases=OPENAI_VOICES,
    )
