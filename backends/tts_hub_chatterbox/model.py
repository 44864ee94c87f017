"""All nets of one model on one device: a clip to a voice, and a text in a voice to samples.

Everything here blocks and keeps no state of a request, so several threads may use a model at once.

S speech tokens, Q prompt tokens, P mel frames of the prompt, F mel frames, N samples
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from tts_hub.types import Samples
from tts_hub_chatterbox.device import FLOAT32, Precision, configure_torch
from tts_hub_chatterbox.files import layouts
from tts_hub_chatterbox.files.variants import Variant
from tts_hub_chatterbox.files.weights import Layout, load_net
from tts_hub_chatterbox.nets.dense import pack_weights
from tts_hub_chatterbox.nets.flow import Flow, FlowConfig
from tts_hub_chatterbox.nets.gpt2_config import GPT2Config
from tts_hub_chatterbox.nets.int8 import round_weights
from tts_hub_chatterbox.nets.mels import mel_24k
from tts_hub_chatterbox.nets.s3_tokenizer import S3Tokenizer, S3TokenizerConfig
from tts_hub_chatterbox.nets.speaker_encoder import SpeakerEncoder, SpeakerEncoderConfig
from tts_hub_chatterbox.nets.t3 import STOP_SPEECH, T3, T3Config
from tts_hub_chatterbox.nets.units import (
    CLOSING_SILENCE,
    CODEBOOK_SIZE,
    FRAMES_PER_TOKEN,
    SAMPLE_RATE,
    SILENCE,
)
from tts_hub_chatterbox.nets.vocoder import Vocoder, fade_in
from tts_hub_chatterbox.nets.vocoder_stages import VocoderConfig
from tts_hub_chatterbox.nets.voice_encoder import VoiceEncoder, VoiceEncoderConfig
from tts_hub_chatterbox.t3.batch import T3Batch
from tts_hub_chatterbox.t3.sampling import SamplingOptions
from tts_hub_chatterbox.t3.tokenizer import TextTokenizer
from tts_hub_chatterbox.voices.conditioning import MAX_T3_PROMPT, Conditioning
from tts_hub_chatterbox.voices.reference import Reference

Net = TypeVar("Net", bound=nn.Module)


@dataclass(frozen=True, slots=True, eq=False)
class Chatterbox:
    """The nets of Turbo or Nano, and the tokenizer of their texts."""

    device: torch.device
    precision: Precision
    text: TextTokenizer
    t3: T3
    flow: Flow
    vocoder: Vocoder
    s3_tokenizer: S3Tokenizer
    speaker_encoder: SpeakerEncoder
    voice_encoder: VoiceEncoder

    @classmethod
    def load(
        cls,
        folder: Path,
        variant: Variant,
        *,
        device: torch.device,
        precision: Precision = FLOAT32,
        on_message: Callable[[str], None] = lambda _: None,
    ) -> Chatterbox:
        """Read the official files of a folder; `on_message` is called with each file that is read.

        Raises:
            BackendUnavailableError: a file is missing, broken, or not of this model.
        """

        def read(make: Callable[[], Net], file: str, layout: Layout, as_type: torch.dtype) -> Net:
            on_message(f"reading {file}")
            with torch.device("meta"):
                net = make()
            load_net(net, folder / file, layout, dtype=as_type)
            return net.to(device)

        configure_torch(device)
        size = variant.t3_size
        t3 = T3Config(backbone=GPT2Config(layers=size.layers, width=size.width, heads=size.heads))
        s3gen, for_clips = variant.s3gen.name, torch.float32
        with_int8 = precision.t3 == torch.int8
        model = cls(
            device=device,
            precision=precision,
            text=TextTokenizer.load(folder),
            t3=read(
                lambda: T3(t3), variant.t3.name, layouts.T3, torch.float32 if with_int8 else precision.t3
            ),
            flow=read(lambda: Flow(FlowConfig()), s3gen, layouts.FLOW, precision.flow),
            vocoder=read(lambda: Vocoder(VocoderConfig()), s3gen, layouts.VOCODER, precision.vocoder),
            s3_tokenizer=read(
                lambda: S3Tokenizer(S3TokenizerConfig()), s3gen, layouts.S3_TOKENIZER, for_clips
            ),
            speaker_encoder=read(
                lambda: SpeakerEncoder(SpeakerEncoderConfig()), s3gen, layouts.SPEAKER_ENCODER, for_clips
            ),
            voice_encoder=read(
                lambda: VoiceEncoder(VoiceEncoderConfig()),
                variant.voice_encoder.name,
                layouts.VOICE_ENCODER,
                for_clips,
            ),
        )
        model.vocoder.prepare()
        if with_int8:
            round_weights(model.t3)
        if device.type == "cpu":
            for net in (model.t3, model.flow):
                pack_weights(net)
            model.t3.backbone.prepare()
        return model

    @torch.inference_mode()
    def compute_conditioning(self, clip: Reference) -> Conditioning:
        """The conditioning of a voice, from its reference clip."""
        whole, first = self._to_device(clip.samples_16k), self._to_device(clip.flow_16k())
        mel = mel_24k(self._to_device(clip.flow_24k)[None]).transpose(1, 2)  # (1, 80, P) -> (1, P, 80)
        tokens = self.s3_tokenizer.tokenize(first[None])[:, : mel.shape[1] // FRAMES_PER_TOKEN]  # (1, Q)
        return Conditioning(
            speaker=self.voice_encoder.embed(whole).cpu(),
            t3_prompt=self.s3_tokenizer.tokenize(
                self._to_device(clip.t3_16k)[None], longest=MAX_T3_PROMPT
            ).cpu(),
            flow_prompt=tokens.cpu(),
            flow_mel=mel.cpu(),
            xvector=self.speaker_encoder.embed(first).cpu(),
        )

    def batch(self, *, rows: int, speech_tokens: int) -> T3Batch:
        """T3 for up to `rows` segments of up to `speech_tokens` each at a time."""
        return T3Batch(
            self.t3, self.device, rows=rows, speech_tokens=speech_tokens, kv_dtype=self.precision.kv
        )

    def speech_tokens(
        self,
        text: Sequence[int],
        voice: Conditioning,
        options: SamplingOptions,
        generator: torch.Generator,
        *,
        limit: int,
    ) -> Iterator[int]:
        """Yield the ids of one text as they are sampled, up to `limit`, or up to `STOP_SPEECH`.

        Raises:
            GenerationError: the net gave no finite numbers, or there is no room for the text.
        """
        batch = self.batch(rows=1, speech_tokens=limit)
        _, token = batch.prefill(voice, text, options, generator)
        yield token
        for _ in range(limit - 1):
            if token == STOP_SPEECH:
                return
            (drawn,) = batch.step()
            if drawn.error is not None:
                raise drawn.error
            yield (token := drawn.token)

    @torch.inference_mode()
    def samples(self, mel: Tensor, generator: torch.Generator) -> Samples:
        """A mel (1, 80, F) as samples (N,) at 24 kHz, faded in; `generator` is a generator of the CPU."""
        source = self.vocoder.source
        phases, noise = source.draw_phases(generator), source.draw_noise(mel.shape[2], generator)
        sound, _ = self.vocoder(mel, phases.to(self.device), noise.to(self.device))  # (1, N)
        faded: Samples = fade_in(sound, SAMPLE_RATE)[0].cpu().numpy()
        return faded

    @torch.inference_mode()
    def mel(self, tokens: Sequence[int], voice: Conditioning, generator: torch.Generator) -> Tensor:
        """Speech ids of a whole segment as a mel (1, 80, F); start and stop among them are left out.

        `generator` is a generator of the CPU, so that the same tokens sound the same on every device.
        """
        sounds = [token for token in tokens if token < CODEBOOK_SIZE] + CLOSING_SILENCE * [SILENCE]
        prompt = voice.flow_prompt.to(self.device)  # (1, Q)
        frames = FRAMES_PER_TOKEN * (prompt.shape[1] + len(sounds))
        noise = self.flow.draw_noise(frames, generator)
        mel: Tensor = self.flow(
            torch.tensor([sounds], device=self.device),
            prompt,
            voice.flow_mel.to(self.device),
            voice.xvector.to(self.device),
            noise.to(self.device),
        )
        return mel

    def _to_device(self, samples: Samples) -> Tensor:
        return torch.from_numpy(samples).to(self.device)
