"""Loading a model as configured: from its files to the loop that speaks with it. Imports torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from anyio import to_thread

from tts_hub.clips.decoding import clip_hash, read_clip
from tts_hub.store.prepared import PreparedFiles, PreparedKey
from tts_hub.system.folders import prepared_voices_folder
from tts_hub.types import SegmentRequest, Voice
from tts_hub_chatterbox.device import device_of, precision_of
from tts_hub_chatterbox.files.variants import Variant
from tts_hub_chatterbox.memory import reuse_memory, translate_out_of_memory, translate_out_of_memory_on_load
from tts_hub_chatterbox.model import Chatterbox
from tts_hub_chatterbox.render.rendering import RenderOptions
from tts_hub_chatterbox.render.watermark import Watermarker
from tts_hub_chatterbox.scheduler.loop import SpeechLoop
from tts_hub_chatterbox.scheduler.pipeline import Pipeline
from tts_hub_chatterbox.scheduler.segment import Segment
from tts_hub_chatterbox.seeds import new_seed
from tts_hub_chatterbox.settings import ROWS, ChatterboxSettings, TurboOptions
from tts_hub_chatterbox.t3.sampling import SamplingOptions
from tts_hub_chatterbox.t3.text import clean, pad_short, without_colons
from tts_hub_chatterbox.voices.conditioning import Conditioning
from tts_hub_chatterbox.voices.folder import VoiceFolder
from tts_hub_chatterbox.voices.prepared import PreparedVoices
from tts_hub_chatterbox.voices.reference import read_reference

FIRST_CHUNK_SECONDS = {"cpu": 0.7, "cuda": 0.3, "mps": 0.7}
"""Seconds of the first chunk unless configured; where rendering is slow, more is to be played meanwhile."""
ENGINE = "chatterbox"
"""The engines of the family share what they have prepared, where the model is the same."""
COMPUTATION = "1"
"""The version of our computation; it goes up when the same clip and weights give another conditioning."""


@dataclass(frozen=True, slots=True, eq=False)
class LoadedModel:
    """A model in its loop, and the voices that are prepared for it."""

    name: str
    """The model's name, such as `chatterbox-turbo`."""
    loop: SpeechLoop
    built_in: Conditioning
    """The voice that comes with the model."""
    prepared: PreparedVoices
    version: str
    """The version of the conditionings that the model makes."""

    def segment(self, request: SegmentRequest, voice: Conditioning, *, limit: int) -> Segment:
        """Make a segment for the loop of a request; `limit` is the most speech tokens.

        Raises:
            InvalidRequestError: an option is out of range, or the text is too long.
        """
        options = TurboOptions.model_validate(dict(request.options))
        text = clean(without_colons(request.text))
        tag = f"[{options.style}] " if options.style else ""
        return Segment(
            request_id=request.request_id,
            index=request.index,
            text=text,
            text_tokens=tuple(self.loop.model.text.encode(tag + pad_short(text))),
            voice=voice,
            options=SamplingOptions(**options.model_dump(exclude={"style"})),
            seed=new_seed(request.request_id) if request.seed is None else request.seed,
            reports_seed=request.seed is None,
            limit=limit,
        )

    async def conditioning(self, folder: VoiceFolder, voice: Voice, *, backend: str) -> Conditioning:
        """The conditioning of a voice of the store or of a folder, computed when it is first asked for.

        Raises:
            UnknownVoiceError: no such voice.
            InvalidRequestError: the clip is of no use.
            GenerationError: the memory of the device is used up, or the net gives no finite numbers.
        """
        if voice.samples:
            sample = voice.samples[0]
            return await self._prepared_of(
                sample.hash, lambda: compute_conditioning(self.loop, read_clip(Path(sample.path)), backend)
            )
        data, digest = await to_thread.run_sync(_read, folder, voice.id)
        return await self._prepared_of(digest, lambda: compute_conditioning(self.loop, data, backend))

    async def _prepared_of(self, digest: str, compute: Callable[[], Conditioning]) -> Conditioning:
        key = PreparedKey(digest, ENGINE, self.name, self.version)
        return await self.prepared.get(key, compute)


def load(
    variant: Variant, settings: ChatterboxSettings, folder: Path, on_message: Callable[[str], None]
) -> LoadedModel:
    """Read the nets and the built-in voice of the files in `folder`; blocks.

    `on_message` is called with each file that is read.

    Raises:
        BackendUnavailableError: a file or a package is missing or broken, there is no such device, or not
            enough memory.
    """
    voices: list[Conditioning] = []

    def pipeline() -> Pipeline:
        device = device_of(settings.device)
        precision = precision_of(settings.dtype, device)
        with translate_out_of_memory_on_load(variant.model, device):
            if device.type == "cpu":
                reuse_memory()
            model = Chatterbox.load(
                folder, variant, device=device, precision=precision, on_message=on_message
            )
            voices.append(Conditioning.from_conds_pt(folder / variant.built_in_voice.name))
            return _pipeline(model, settings)

    version = _version(variant, settings, folder)
    loop = SpeechLoop(
        pipeline,
        rows=settings.concurrency or ROWS,
        speech_tokens=settings.max_speech_tokens,
        threads=settings.threads,
        hold_real_time=settings.hold_real_time,
        room_timeout=settings.room_timeout,
    )
    return LoadedModel(
        name=variant.model,
        loop=loop,
        built_in=voices[0],
        version=version,
        prepared=PreparedVoices(PreparedFiles(prepared_voices_folder()), most=settings.voices_in_memory),
    )


def _pipeline(model: Chatterbox, settings: ChatterboxSettings) -> Pipeline:
    """The pipeline as configured."""
    prompt = settings.prompt
    if prompt == "auto":
        prompt = "remembered" if model.device.type == "cpu" else "exact"
    return Pipeline(
        model,
        Watermarker.load() if settings.watermark else None,
        RenderOptions(
            flow_steps=settings.flow_steps,
            prompt=prompt,
            context=prompt,
            prompt_seconds=settings.prompt_seconds,
        ),
        first_chunk_seconds=settings.first_chunk_seconds or FIRST_CHUNK_SECONDS[model.device.type],
        chunk_growth=settings.chunk_growth,
        longest_chunk_seconds=settings.longest_chunk_seconds,
        retakes=settings.retakes,
    )


def _version(variant: Variant, settings: ChatterboxSettings, folder: Path) -> str:
    """The version of the weights that compute conditionings, which may be published or the user's own."""
    if settings.model_path is None:
        return f"{COMPUTATION}:{variant.revision}"
    states = [(folder / file.name).stat() for file in (variant.s3gen, variant.voice_encoder)]
    return ":".join([COMPUTATION, *(f"{state.st_size}-{state.st_mtime_ns}" for state in states)])


def compute_conditioning(loop: SpeechLoop, data: bytes, backend: str) -> Conditioning:
    """Compute the conditioning of a clip in the loop's thread; blocks.

    Raises:
        InvalidRequestError: the clip is of no use.
        GenerationError: the memory of the device is used up, or the net gives no finite numbers.
    """
    clip = read_reference(data)

    def compute() -> Conditioning:
        # A function of its own, as the local variables of the `with` body are kept.
        with translate_out_of_memory(backend, loop.model.device):
            return loop.model.compute_conditioning(clip)

    return loop.run(compute)


def _read(folder: VoiceFolder, voice_id: str) -> tuple[bytes, str]:
    """The bytes of a voice's clip, and their hash."""
    data = read_clip(folder.clip(voice_id))
    return data, clip_hash(data)
