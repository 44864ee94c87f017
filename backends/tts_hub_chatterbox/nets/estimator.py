"""The velocity field of the flow: where a noisy mel moves, given the encoded tokens and the speaker.

B batch, F mel frames, M mel bins, C input channels, D width, E width of the time

Flow matching: Lipman et al. 2023; the estimator is Matcha-TTS's (Mehta et al. 2024) in the causal form of
CosyVoice 2, and jumps between two times: Geng et al. 2025, "Mean Flows", mixed as in arXiv 2510.07979.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn

from tts_hub_chatterbox.nets.attention import attend
from tts_hub_chatterbox.nets.dense import Dense
from tts_hub_chatterbox.nets.past import EDGE, Past

TIME_SCALE = 1000
"""The factor of times 0 to 1 before their sines are taken."""


@dataclass(frozen=True, slots=True)
class EstimatorConfig:
    """Sizes; the defaults are the published ones."""

    mel_bins: int = 80
    sources: int = 4
    """Stacked inputs of `mel_bins` channels: noisy mel, encoded tokens, speaker, known mel."""
    width: int = 256
    time_width: int = 1024
    mid_blocks: int = 12
    """Blocks between the first one and the last, which also gets the output of the first."""
    layers: int = 4
    """Transformer layers of a block."""
    heads: int = 8
    head_width: int = 64
    hidden_width: int = 1024
    """The inner width of the feed-forward nets."""


class Estimator(nn.Module):
    """The field of a mean flow: the average velocity from one time to another."""

    def __init__(self, config: EstimatorConfig) -> None:
        super().__init__()
        channels, width = config.sources * config.mel_bins, config.width
        self.time = TimeSpan(channels, config.time_width)
        self.first_block = Block(channels, config)
        self.first_conv = CausalConv(width, width)
        self.mid_blocks = nn.ModuleList(Block(width, config) for _ in range(config.mid_blocks))
        self.last_block = Block(2 * width, config)
        self.last_conv = CausalConv(width, width)
        self.output_conv = NormedConv(width, width)
        self.output = PointConv(width, config.mel_bins)

    def forward(
        self,
        mel: Tensor,
        condition: Tensor,
        start: Tensor,
        end: Tensor,
        mask: Tensor | None = None,
        *,
        past: Past | None = None,
    ) -> Tensor:
        """Estimate the average velocity on the way from `start` to `end`.

        Args:
            mel: (B, F, M) at the time `start`.
            condition: (B, F, C - M), the other sources.
            start: (B,), or (1,) for all rows, from 0 for noise to 1 for the mel; float32.
            end: as `start`, and later.
            mask: (B, F) bool, false where a row is padded, on its left or its right; None: no row is. No row
                may be all padding.
            past: holds the memory of earlier frames, and records that of these; a new one for each call. With
                it rows may be padded on their right only.

        Returns:
            (B, F, M). The values at padded places mean nothing.
        """
        x = torch.cat((mel, condition), dim=2)  # (B, F, C)
        time = self.time(start, end, x.dtype)  # (B or 1, E)
        first = self.first_block(x, time, mask, past)  # (B, F, D)
        x = self.first_conv(first, mask, past)
        for block in self.mid_blocks:
            x = block(x, time, mask, past)
        x = self.last_block(torch.cat((x, first), dim=2), time, mask, past)  # (B, F, 2D) -> (B, F, D)
        x = self.output_conv(self.last_conv(x, mask, past), mask, past)
        velocity: Tensor = self.output(x)  # (B, F, M)
        return velocity


class TimeSpan(nn.Module):
    """Embeds two times in one vector."""

    frequencies: Tensor

    def __init__(self, sines: int, width: int) -> None:
        super().__init__()
        half = sines // 2
        steps = torch.arange(half, dtype=torch.float32, device="cpu")
        frequencies = torch.exp(steps * -(math.log(10000.0) / (half - 1)))
        self.register_buffer("frequencies", frequencies, persistent=False)
        self.expand = Dense(sines, width, "silu")
        self.contract = nn.Linear(width, width)
        self.mix = nn.Linear(2 * width, width, bias=False)

    def forward(self, start: Tensor, end: Tensor, dtype: torch.dtype) -> Tensor:
        """(B,), (B,) -> (B, E) of the weights' type."""
        both = torch.cat((self.embed(start, dtype), self.embed(end, dtype)), dim=1)  # (B, 2E)
        mixed: Tensor = self.mix(both)
        return mixed

    def embed(self, time: Tensor, dtype: torch.dtype) -> Tensor:
        """(B,) -> (B, E), for one of the times."""
        angle = TIME_SCALE * time[:, None] * self.frequencies  # (B, C / 2), float32 since bfloat16 blurs it
        sines = torch.cat((angle.sin(), angle.cos()), dim=1)  # (B, C)
        embedded: Tensor = self.contract(self.expand(sines.to(dtype)))
        return embedded


class Block(nn.Module):
    """A residual pair of convolutions that depends on the time, then transformer layers."""

    def __init__(self, channels: int, config: EstimatorConfig) -> None:
        super().__init__()
        self.conv1 = NormedConv(channels, config.width)
        self.time = nn.Linear(config.time_width, config.width)
        self.conv2 = NormedConv(config.width, config.width)
        self.shortcut = PointConv(channels, config.width)
        self.layers = nn.ModuleList(TransformerLayer(config) for _ in range(config.layers))

    def forward(self, x: Tensor, time: Tensor, mask: Tensor | None, past: Past | None) -> Tensor:
        """(B, F, channels), (B or 1, E), (B, F) -> (B, F, D)."""
        y = self.conv1(x, mask, past) + self.time(F.mish(time))[:, None]  # (B, F, D)
        x = self.shortcut(x) + self.conv2(y, mask, past)
        for layer in self.layers:
            x = layer(x, mask, past)
        return x


class TransformerLayer(nn.Module):
    """Attention over the whole row, without positions, and a feed-forward net."""

    def __init__(self, config: EstimatorConfig) -> None:
        super().__init__()
        inner = config.heads * config.head_width
        self.heads = config.heads
        self.attention_norm = nn.LayerNorm(config.width)
        self.query = nn.Linear(config.width, inner, bias=False)
        self.key = nn.Linear(config.width, inner, bias=False)
        self.value = nn.Linear(config.width, inner, bias=False)
        self.attended = nn.Linear(inner, config.width)
        self.feed_forward_norm = nn.LayerNorm(config.width)
        self.expand = Dense(config.width, config.hidden_width, "gelu")
        self.contract = nn.Linear(config.hidden_width, config.width)

    def forward(self, x: Tensor, mask: Tensor | None, past: Past | None) -> Tensor:
        """(B, F, D), (B, F) -> (B, F, D)."""
        normed = self.attention_norm(x)
        query, key, value = (
            layer(normed).unflatten(2, (self.heads, -1)).transpose(1, 2)  # (B, heads, F, head width)
            for layer in (self.query, self.key, self.value)
        )
        if past is not None:
            key, value = past.prepend_keys(key, value)  # (B, heads, P + F, head width)
        keys = None if mask is None else _key_mask(mask, key.shape[2])  # (B, 1, 1, P + F)
        y = attend(query, key, value, keys)
        x = x + self.attended(y.transpose(1, 2).flatten(2))  # (B, F, D)
        contracted: Tensor = self.contract(self.expand(self.feed_forward_norm(x)))
        return x + contracted


class CausalConv(nn.Conv1d):
    """A convolution over three frames, this one and the two before it; the row is padded with zeros."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__(channels, width, EDGE + 1)

    def forward(self, x: Tensor, mask: Tensor | None = None, past: Past | None = None) -> Tensor:
        """(B, F, channels), (B, F) -> (B, F, width)."""
        if mask is not None:
            x = x * mask[..., None]
        x = F.pad(x, (0, 0, EDGE, 0)) if past is None else past.prepend_edge(x)  # (B, F + 2, channels)
        return super().forward(x.transpose(1, 2)).transpose(1, 2)


class NormedConv(nn.Module):
    """A causal convolution with a norm and an activation."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.conv = CausalConv(channels, width)
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor, mask: Tensor | None, past: Past | None) -> Tensor:
        """(B, F, channels), (B, F) -> (B, F, width)."""
        return F.mish(self.norm(self.conv(x, mask, past)))


class PointConv(nn.Conv1d):
    """A convolution over single frames, as the file has it, computed as a matrix product."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__(channels, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, F, channels) -> (B, F, width)."""
        return F.linear(x, self.weight[..., 0], self.bias)


def _key_mask(mask: Tensor, keys: int) -> Tensor:
    """The mask of present keys (B, F) -> the mask of all keys, past ones included (B, 1, 1, keys)."""
    return F.pad(mask, (keys - mask.shape[1], 0), value=True)[:, None, None]
