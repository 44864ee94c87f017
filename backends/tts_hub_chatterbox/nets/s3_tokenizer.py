"""S3 speech tokenizer v2: from a clip of speech to 25 tokens a second.

B batch, N samples, F mel frames, M mel bands, S speech tokens, D width, H heads, K width of a head,
L latent values of a token

The encoder of Whisper with rotary positions, and in each attention a memory of the neighbours (FSMN); finite
scalar quantisation with three levels for each of eight values. From "CosyVoice 2: Scalable Streaming Speech
Synthesis with Large Language Models" (Du et al., 2024).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn

from tts_hub.errors import UsageError
from tts_hub_chatterbox.nets.mels import s3_mel

MEL_FRAMES_PER_TOKEN = 4
"""Mel frames: two convolutions halve their number."""
LEVELS = 3
LEVEL_REACH = 0.9990000128746033
"""The largest latent after tanh, so that none rounds beyond the outer levels."""


@dataclass(frozen=True, slots=True)
class S3TokenizerConfig:
    """Sizes of the published net."""

    bands: int = 128
    """Bands of the mel."""
    width: int = 1280
    heads: int = 20
    layers: int = 6
    memory: int = 31
    """Tokens that the memory of an attention spans, the token itself in the middle."""
    latents: int = 8
    """Values of a token, each on one of three levels: 3^8 = 6561 tokens."""
    rotary_base: float = 10_000.0
    longest: int = 750
    """Tokens: 30 s. The net was not trained on more at once."""


class S3Tokenizer(nn.Module):
    """Mel frames to speech tokens."""

    rotary: Tensor

    def __init__(self, config: S3TokenizerConfig) -> None:
        super().__init__()
        self.config = config
        self.conv1 = nn.Conv1d(config.bands, config.width, kernel_size=3, stride=2, padding=1)
        self.conv2 = nn.Conv1d(config.width, config.width, kernel_size=3, stride=2, padding=1)
        self.blocks = nn.ModuleList(EncoderBlock(config) for _ in range(config.layers))
        self.project = nn.Linear(config.width, config.latents)
        self.register_buffer("rotary", rotary_table(config), persistent=False)

    def tokenize(self, samples: Tensor, *, longest: int | None = None) -> Tensor:
        """Clips (B, N) of one length at 16 kHz to ids (B, S) of 0..6560, S = ceil(N // 160 / 4).

        `longest` keeps only so many tokens. The rest of the clip is not encoded, but its loudness counts.

        Raises:
            UsageError: more than 30 s remain.
        """
        mel = s3_mel(samples)
        if longest is not None:
            mel = mel[..., : longest * MEL_FRAMES_PER_TOKEN]
        latents, _ = self.encode(mel)
        return self.quantise(latents)

    def forward(self, mel: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(B, M, F) with `lengths` (B,) in frames, None for all F, to ids (B, S) and their number (B,).

        A row has the ids that it has alone; those beyond its number mean nothing.

        Raises:
            UsageError: more than 30 s.
        """
        latents, token_lengths = self.encode(mel, lengths)
        return self.quantise(latents), token_lengths

    def encode(self, mel: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The values before rounding (B, S, L), between -1 and 1, and the number of tokens; see `forward`."""
        limit = self.config.longest * MEL_FRAMES_PER_TOKEN
        if mel.shape[2] > limit:
            raise UsageError(
                f"the speech tokenizer takes {limit} mel frames, not {mel.shape[2]}: cut the clip"
            )
        if lengths is None:
            lengths = torch.full((mel.shape[0],), mel.shape[2], device=mel.device)
        x = mel.to(self.conv1.weight)
        for conv in (self.conv1, self.conv2):
            x = F.gelu(conv(x * _valid(lengths, x.shape[2])[:, None]))  # (B, D, F) to (B, D, ceil(F / 2))
            lengths = (lengths + 1) // 2
        x = x.transpose(1, 2)  # (B, D, S) to (B, S, D)
        valid = _valid(lengths, x.shape[1])
        for block in self.blocks:
            x = block(x, valid, self.rotary[:, : x.shape[1]])
        return self.project(x).float().tanh() * LEVEL_REACH, lengths

    def quantise(self, latents: Tensor) -> Tensor:
        """(B, S, L) between -1 and 1 to ids (B, S): the rounded values are the digits, the lowest first."""
        powers = LEVELS ** torch.arange(self.config.latents, device=latents.device)
        return ((latents.round().long() + 1) * powers).sum(dim=-1)


class EncoderBlock(nn.Module):
    """Attention and a feed-forward net, each with a norm before it and a residual path around it."""

    def __init__(self, config: S3TokenizerConfig) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(config.width)
        self.attention = MemoryAttention(config)
        self.feed_norm = nn.LayerNorm(config.width)
        self.feed_up = nn.Linear(config.width, 4 * config.width)
        self.feed_down = nn.Linear(4 * config.width, config.width)

    def forward(self, x: Tensor, valid: Tensor, rotary: Tensor) -> Tensor:
        """(B, S, D), the mask of the rows (B, S) and the rotary table (2, S, K) -> (B, S, D)."""
        x = x + self.attention(self.attention_norm(x), valid, rotary)
        fed: Tensor = self.feed_down(F.gelu(self.feed_up(self.feed_norm(x))))
        return x + fed


class MemoryAttention(nn.Module):
    """Attention over the clip, plus a convolution of the values with their neighbours."""

    def __init__(self, config: S3TokenizerConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.query = nn.Linear(config.width, config.width)
        self.key = nn.Linear(config.width, config.width, bias=False)
        self.value = nn.Linear(config.width, config.width)
        self.out = nn.Linear(config.width, config.width)
        self.memory = nn.Conv1d(
            config.width, config.width, config.memory, padding="same", groups=config.width, bias=False
        )

    def forward(self, x: Tensor, valid: Tensor, rotary: Tensor) -> Tensor:
        """(B, S, D) to (B, S, D)."""
        values = self.value(x)
        attended = F.scaled_dot_product_attention(
            rotate(self._split(self.query(x)), rotary),
            rotate(self._split(self.key(x)), rotary),
            self._split(values),
            attn_mask=valid[:, None, None],  # (B, 1, 1, S): the same for all heads and places
        )
        attended = attended.transpose(1, 2).flatten(2)  # (B, H, S, K) to (B, S, D)
        values = values * valid[..., None]
        remembered: Tensor = self.memory(values.transpose(1, 2)).transpose(1, 2) + values
        out: Tensor = self.out(attended)
        return out + remembered * valid[..., None]

    def _split(self, x: Tensor) -> Tensor:
        batch, places, width = x.shape
        return x.view(batch, places, self.heads, width // self.heads).transpose(1, 2)  # to (B, H, S, K)


def rotary_table(config: S3TokenizerConfig) -> Tensor:
    """Cosines and sines of the rotary positions: (2, longest, K), both halves of K alike."""
    width = config.width // config.heads
    exponents = torch.arange(0, width, 2, dtype=torch.float32, device="cpu") / width
    positions = torch.arange(config.longest, dtype=torch.float32, device="cpu")
    angles = torch.outer(positions, 1.0 / config.rotary_base**exponents)  # (S, K / 2)
    angles = torch.cat((angles, angles), dim=1)
    return torch.stack((angles.cos(), angles.sin()))


def rotate(x: Tensor, rotary: Tensor) -> Tensor:
    """(B, H, S, K) turned by (2, S, K): the value at k and that at k + K/2 are one point of the plane."""
    cos, sin = rotary.to(x.dtype).unbind()
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-second, first), dim=-1) * sin


def _valid(lengths: Tensor, longest: int) -> Tensor:
    """(B,) to (B, longest): true before each row's length."""
    return torch.arange(longest, device=lengths.device) < lengths[:, None]
