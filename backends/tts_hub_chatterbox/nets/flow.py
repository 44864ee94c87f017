"""Speech tokens -> mel: the encoder, and the flow from noise to a mel that its features steer.

B batch, S speech tokens, Q prompt tokens, P prompt's mel frames, F mel frames in all, M mel bins, D width
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn

from tts_hub_chatterbox.nets.conformer import ConformerConfig, UpsamplingConformer
from tts_hub_chatterbox.nets.estimator import Estimator, EstimatorConfig
from tts_hub_chatterbox.nets.past import Memory, Past
from tts_hub_chatterbox.nets.units import CODEBOOK_SIZE, FRAMES_PER_TOKEN

STEPS = 2
"""Of the published pipeline; its model card says that the field is distilled to one."""


@dataclass(frozen=True, slots=True)
class FlowConfig:
    """Sizes; the defaults are the published ones."""

    tokens: int = CODEBOOK_SIZE
    speaker_width: int = 192
    encoder: ConformerConfig = field(default_factory=ConformerConfig)
    estimator: EstimatorConfig = field(default_factory=EstimatorConfig)


@dataclass(frozen=True, slots=True, eq=False)
class FlowMemory:
    """What a pass of the flow leaves behind, or several in a row."""

    tokens: Memory
    """Of the encoder's layers at the rate of the tokens."""
    frames: Memory
    """Of those at the rate of the mel."""
    steps: tuple[Memory, ...]
    """Of each step of the integration."""

    @property
    def nbytes(self) -> int:
        """Memory of the tensors."""
        return sum(memory.nbytes for memory in (self.tokens, self.frames, *self.steps))

    def after(self, earlier: FlowMemory | None, most: int) -> FlowMemory:
        """Of the last `most` tokens of what came before and of these, as a copy."""
        frames = FRAMES_PER_TOKEN * most
        if earlier is None:
            steps = tuple(step.after(None, frames) for step in self.steps)
            return FlowMemory(self.tokens.after(None, most), self.frames.after(None, frames), steps)
        return FlowMemory(
            self.tokens.after(earlier.tokens, most),
            self.frames.after(earlier.frames, frames),
            tuple(step.after(before, frames) for step, before in zip(self.steps, earlier.steps, strict=True)),
        )


@dataclass(frozen=True, slots=True, eq=False)
class FlowPast:
    """A pass's way past what came before, a new one for each pass; its fields are those of the memory."""

    tokens: Past
    frames: Past
    steps: tuple[Past, ...]

    @classmethod
    def after(cls, *memories: FlowMemory, steps: int) -> FlowPast:
        """Past memories of so many steps, oldest first; none: the pass is the first."""
        return cls(
            Past(*(memory.tokens for memory in memories)),
            Past(*(memory.frames for memory in memories)),
            tuple(Past(*(memory.steps[step] for memory in memories)) for step in range(steps)),
        )

    def memory(self) -> FlowMemory:
        """Of the tokens of now, after the pass."""
        return FlowMemory(
            self.tokens.memory(), self.frames.memory(), tuple(past.memory() for past in self.steps)
        )


class Flow(nn.Module):
    """The token-to-mel half of S3Gen in its meanflow form, that is without guidance."""

    def __init__(self, config: FlowConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.tokens, config.encoder.width)
        self.encoder = UpsamplingConformer(config.encoder)
        self.projection = nn.Linear(config.encoder.width, config.estimator.mel_bins)
        self.speaker = nn.Linear(config.speaker_width, config.estimator.mel_bins)
        self.estimator = Estimator(config.estimator)

    def draw_noise(self, frames: int, generator: torch.Generator) -> Tensor:
        """Standard normal (1, M, frames), drawn frame after frame.

        On the CPU draws of pieces equal one long draw, for 80 bins are a multiple of 16.
        """
        shape = (1, frames, self.config.estimator.mel_bins)
        return torch.randn(shape, generator=generator, device=generator.device).transpose(1, 2)

    def forward(
        self,
        tokens: Tensor,
        prompt: Tensor,
        prompt_mel: Tensor,
        xvector: Tensor,
        noise: Tensor,
        *,
        lengths: Tensor | None = None,
        prompt_lengths: Tensor | None = None,
        final: bool = True,
        steps: int = STEPS,
    ) -> Tensor:
        """The mel of `tokens` in the voice of the prompt.

        A row's result does not depend on the other rows. Prompts of unlike length are padded on their
        left, tokens on their right, mel and noise as their tokens, so that all rows begin to speak at the
        same frame. The voice may have one row for all.

        Args:
            tokens: (B, S) ids below 6561.
            prompt: (B or 1, Q) the voice's own tokens.
            prompt_mel: (B or 1, P, M) their mel. P is 2Q; of a clip that does not fill its last token P is
                2Q + 1, and the first frame of the speech is then taken from it.
            xvector: (B or 1, 192) of the speaker.
            noise: (B, M, 2(Q + S)) or longer, standard normal, the prompt's frames first.
            lengths: (B,) tokens of each row, all S where it is not given.
            prompt_lengths: (B,) prompt tokens of each row, all Q where it is not given; needs P = 2Q.
            final: no token follows. Otherwise the last 3 tokens of each row only serve to look ahead.
            steps: from noise to mel.

        Returns:
            (B, M, 2(Q + S) - P) float32, or 6 frames less unless `final`; zero behind the end of a row.
        """
        mask = _mask(tokens, prompt, lengths, prompt_lengths)  # (B, Q + S)
        encoded, frame_mask = self.encode(_join(prompt, tokens), mask, final=final)  # (B, F, M)
        condition = self.condition(encoded, xvector, prompt_mel)  # (B, F, 3M)
        start = noise[:, :, : encoded.shape[1]].transpose(1, 2)  # (B, F, M)
        mel = self.integrate(start, condition, frame_mask, steps=steps)
        if frame_mask is not None:
            mel = mel.masked_fill(~frame_mask[..., None], 0.0)
        return mel[:, prompt_mel.shape[1] :].transpose(1, 2)  # (B, M, F - P)

    def encode(self, tokens: Tensor, mask: Tensor | None, *, final: bool) -> tuple[Tensor, Tensor | None]:
        """Tokens (B, T), the prompt's among them, and their mask (B, T) -> (B, F, M) and a mask (B, F).

        F is 2T, or 6 less unless `final`.
        """
        features = self.encoder(self.embedding(tokens), mask)  # (B, 2T, D)
        if not final:
            ahead = self.config.encoder.lookahead
            features = features[:, : features.shape[1] - self.config.encoder.upsampling * ahead]
            # Each row ends that much earlier, also the padded ones.
            mask = None if mask is None else mask[:, ahead:] & mask[:, : mask.shape[1] - ahead]
        if mask is not None:
            mask = mask.repeat_interleave(self.config.encoder.upsampling, dim=1)
        return self.projection(features), mask

    def encode_after(self, tokens: Tensor, past: FlowPast, *, final: bool) -> Tensor:
        """Tokens (B, T) that follow on those of the past, and are written down there: (B, F, M).

        F is 2T, or 6 less unless `final`: then the last 3 tokens only serve to look ahead, and stand at the
        beginning of those that follow on these. In `encode` the others attend to them, too.
        """
        embedded = self.embedding(tokens)  # (B, T, D)
        features = self.encoder.encode_after(embedded, past.tokens, past.frames, final=final)  # (B, F, D)
        projected: Tensor = self.projection(features)
        return projected

    def condition(self, encoded: Tensor, xvector: Tensor, prompt_mel: Tensor) -> Tensor:
        """What steers the field in every frame: (B, F, M), (B or 1, 192), (B or 1, P, M) -> (B, F, 3M)."""
        batch, frames, _ = encoded.shape
        speaker = self.speaker(F.normalize(xvector.to(encoded.dtype)))  # (B or 1, M)
        known = F.pad(prompt_mel.to(encoded.dtype), (0, 0, 0, frames - prompt_mel.shape[1]))  # (B or 1, F, M)
        return torch.cat(
            (encoded, speaker[:, None].expand(batch, frames, -1), known.expand(batch, -1, -1)), dim=2
        )

    def integrate(
        self,
        noise: Tensor,
        condition: Tensor,
        mask: Tensor | None,
        *,
        steps: int,
        pasts: Sequence[Past] = (),
    ) -> Tensor:
        """Follow the field from noise to mel in even steps: (B, F, M), (B, F, 3M), (B, F) -> (B, F, M).

        The mel stays float32 on its way, whatever the nets' type. `pasts` has one of each step, if any: what
        lies before these frames, and where these are written down.
        """
        times = torch.linspace(0, 1, steps + 1, device=condition.device)
        mel = noise.float()
        for start, end, past in zip(times[:-1, None], times[1:, None], pasts or steps * [None], strict=True):
            # (B, F, M)
            velocity = self.estimator(mel.to(condition.dtype), condition, start, end, mask, past=past)
            mel = mel + (end - start) * velocity.float()
        return mel

    def remember(
        self, prompt: Tensor, prompt_mel: Tensor, xvector: Tensor, noise: Tensor, *, steps: int = STEPS
    ) -> FlowMemory:
        """What a voice's prompt leaves behind for speech that follows, when it is computed on its own.

        An approximation: in `forward` the prompt's tokens and frames attend to the speech too. Its last 3
        tokens look ahead to the speech: they are left to the pass that follows, which encodes them once more;
        what the estimator remembers of them looks ahead into nothing, as at the end of speech. So does what
        the encoder remembers of a prompt that is no longer than that.

        Args:
            prompt: (1, Q).
            prompt_mel: (1, P, M) with P at least 2Q.
            xvector: (1, 192).
            noise: (1, M, 2Q).
            steps: those of the speech.

        Returns:
            Of Q - 3 tokens and the estimator's 2Q frames, in the type of the weights.
        """
        ahead = self.config.encoder.lookahead
        left = ahead if prompt.shape[1] > ahead else 0
        first = FlowPast.after(steps=0)
        encoded = self.encode_after(prompt, first, final=not left)  # (1, 2Q or 2Q - 6, M)
        if left:
            then = FlowPast.after(first.memory(), steps=0)
            last = self.encode_after(prompt[:, -left:], then, final=True)  # (1, 6, M)
            encoded = torch.cat((encoded, last), dim=1)  # (1, 2Q, M)
        condition = self.condition(encoded, xvector, prompt_mel[:, : encoded.shape[1]])  # (1, 2Q, 3M)
        pasts = tuple(Past() for _ in range(steps))
        self.integrate(noise.transpose(1, 2), condition, None, steps=steps, pasts=pasts)
        known = FlowPast(first.tokens, first.frames, pasts)
        return known.memory().after(None, prompt.shape[1])


def _join(prompt: Tensor, tokens: Tensor) -> Tensor:
    """(B or 1, Q), (B, S) -> (B, Q + S)."""
    return torch.cat((prompt.expand(len(tokens), -1), tokens), dim=1)


def _mask(
    tokens: Tensor, prompt: Tensor, lengths: Tensor | None, prompt_lengths: Tensor | None
) -> Tensor | None:
    """(B, Q + S), true from where a row's prompt begins to where its tokens end; none where no row is padded.

    Without a mask attention is faster.
    """
    if lengths is None and prompt_lengths is None:
        return None
    known, speech = prompt.shape[1], tokens.shape[1]
    place = torch.arange(-known, speech, device=tokens.device)  # (Q + S,), 0 where the speech begins
    begin = -known if prompt_lengths is None else -prompt_lengths[:, None]  # (B, 1)
    end = speech if lengths is None else lengths[:, None]  # (B, 1)
    inside: Tensor = (place >= begin) & (place < end)
    return inside.expand(len(tokens), -1)
