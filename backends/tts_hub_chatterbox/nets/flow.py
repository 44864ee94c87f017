"""Speech tokens -> mel: the encoder, and the flow from noise to a mel that depends on its features.

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
"""Steps of the published pipeline; its model card says that the field is distilled to one step."""


@dataclass(frozen=True, slots=True)
class FlowConfig:
    """Sizes; the defaults are the published ones."""

    tokens: int = CODEBOOK_SIZE
    speaker_width: int = 192
    encoder: ConformerConfig = field(default_factory=ConformerConfig)
    estimator: EstimatorConfig = field(default_factory=EstimatorConfig)


@dataclass(frozen=True, slots=True, eq=False)
class FlowMemory:
    """The memory that one or several successive passes leave in the flow."""

    tokens: Memory
    """The memory of the encoder's layers at the rate of the tokens."""
    frames: Memory
    """The memory of the encoder's layers at the rate of the mel."""
    steps: tuple[Memory, ...]
    """The estimator's memory of each step of the integration."""

    @property
    def nbytes(self) -> int:
        """Bytes of the tensors."""
        return sum(memory.nbytes for memory in (self.tokens, self.frames, *self.steps))

    def after(self, earlier: FlowMemory | None, most: int) -> FlowMemory:
        """A copy of the memory of the last `most` tokens, of an earlier memory and this one."""
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
    """The past of one pass, with the fields of the memory; a new one is needed for each pass."""

    tokens: Past
    frames: Past
    steps: tuple[Past, ...]

    @classmethod
    def after(cls, *memories: FlowMemory, steps: int) -> FlowPast:
        """A past of memories, oldest first, with so many steps; without memories the pass is the first."""
        return cls(
            Past(*(memory.tokens for memory in memories)),
            Past(*(memory.frames for memory in memories)),
            tuple(Past(*(memory.steps[step] for memory in memories)) for step in range(steps)),
        )

    def memory(self) -> FlowMemory:
        """The memory of the pass's own tokens, after the pass."""
        return FlowMemory(
            self.tokens.memory(), self.frames.memory(), tuple(past.memory() for past in self.steps)
        )


class Flow(nn.Module):
    """The token-to-mel half of S3Gen in its meanflow form, which needs no guidance."""

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

        On the CPU successive draws equal one long draw, as 80 bins are a multiple of 16.
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
        left, tokens on their right, mel and noise as their tokens, so that the speech of all rows begins at
        the same frame. The voice may have one row for all.

        Args:
            tokens: (B, S) ids within the codebook.
            prompt: (B or 1, Q) tokens of the voice's clip.
            prompt_mel: (B or 1, P, M) their mel. P is 2Q, or 2Q + 1 for a clip that does not fill its last
                token; the first frame of the speech is then taken from the clip.
            xvector: (B or 1, 192) the speaker's vector.
            noise: (B, M, 2(Q + S)) or longer, standard normal, the prompt's frames first.
            lengths: (B,) tokens of each row; None: S for all.
            prompt_lengths: (B,) prompt tokens of each row, which needs P = 2Q; None: Q for all.
            final: no token follows. Otherwise the last 3 tokens of each row are only looked ahead to.
            steps: steps from noise to mel.

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
        """Tokens (B, T), the prompt included, and their mask (B, T) -> (B, F, M) and a mask (B, F).

        F is 2T, or 6 less unless `final`.
        """
        features = self.encoder(self.embedding(tokens), mask)  # (B, 2T, D)
        if not final:
            ahead = self.config.encoder.lookahead
            features = features[:, : features.shape[1] - self.config.encoder.upsampling * ahead]
            # Every row ends that much earlier, padded ones included.
            mask = None if mask is None else mask[:, ahead:] & mask[:, : mask.shape[1] - ahead]
        if mask is not None:
            mask = mask.repeat_interleave(self.config.encoder.upsampling, dim=1)
        return self.projection(features), mask

    def encode_after(self, tokens: Tensor, past: FlowPast, *, final: bool) -> Tensor:
        """Encode tokens (B, T) after those of the past, which records them: (B, F, M).

        F is 2T, or 6 less unless `final`: then the last 3 tokens are only looked ahead to, and must come
        again at the beginning of the next ones. In `encode` the other tokens attend to them, too.
        """
        embedded = self.embedding(tokens)  # (B, T, D)
        features = self.encoder.encode_after(embedded, past.tokens, past.frames, final=final)  # (B, F, D)
        projected: Tensor = self.projection(features)
        return projected

    def condition(self, encoded: Tensor, xvector: Tensor, prompt_mel: Tensor) -> Tensor:
        """The estimator's condition, by frame: (B, F, M), (B or 1, 192), (B or 1, P, M) -> (B, F, 3M)."""
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

        The mel stays float32 between the steps, whatever the nets' type. `pasts` has one past for each step,
        or none: the memory of earlier frames, which records these.
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
        """Compute the memory of a voice's prompt on its own, for speech that follows.

        An approximation: in `forward` the prompt's tokens and frames attend to the speech, too. The last 3
        tokens need the speech to look ahead to, so the next pass encodes them again. The estimator's memory
        of them looks ahead into nothing, as at the end of speech; so does the encoder's memory of a prompt of
        at most 3 tokens.

        Args:
            prompt: (1, Q).
            prompt_mel: (1, P, M) with P at least 2Q.
            xvector: (1, 192).
            noise: (1, M, 2Q).
            steps: those of the speech.

        Returns:
            The memory of Q - 3 tokens and of the estimator's 2Q frames, in the type of the weights.
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
    """(B, Q + S), true from a row's first prompt token to its last token; None if no row is padded.

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
