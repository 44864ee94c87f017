"""Speech tokens in context: embedded tokens -> features at the mel's rate, two a token.

B batch, T tokens or frames, D width, H heads, K width of a head

Attention with relative positions: Dai et al. 2019, "Transformer-XL", section 3.3 and appendix B.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class ConformerConfig:
    """Sizes; the defaults are the published ones."""

    width: int = 512
    heads: int = 8
    hidden_width: int = 2048
    """Of the feed-forward nets."""
    token_layers: int = 6
    """Before the upsampling."""
    frame_layers: int = 4
    """After it."""
    lookahead: int = 3
    """Tokens to the right that a token's features need."""
    upsampling: int = 2
    """Mel frames of a token."""
    table_length: int = 5000
    """Frames (100 s) whose positions are computed beforehand."""


class UpsamplingConformer(nn.Module):
    """The encoder. Every position sees the whole row, so what it gives depends on all tokens given."""

    def __init__(self, config: ConformerConfig) -> None:
        super().__init__()
        self.positions = RelativePositions(config.width, config.table_length)
        self.token_input = InputLayer(config.width)
        self.lookahead = Lookahead(config.width, config.lookahead)
        self.token_layers = nn.ModuleList(ConformerLayer(config) for _ in range(config.token_layers))
        self.upsample = Upsample(config.width, config.upsampling)
        self.frame_input = InputLayer(config.width)
        self.frame_layers = nn.ModuleList(ConformerLayer(config) for _ in range(config.frame_layers))
        self.norm = nn.LayerNorm(config.width)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Encode.

        Args:
            x: (B, T, D) embedded tokens.
            mask: (B, T) bool, false where a row is padded, on its left or its right; none: nowhere. No
                row may be all padding.

        Returns:
            (B, 2T, D). What stands at padded places means nothing.
        """
        x = self.lookahead(self.token_input(x), mask)  # (B, T, D)
        positions = self.positions(x)
        for layer in self.token_layers:
            x = layer(x, positions, mask)
        x = self.frame_input(self.upsample(silenced(x, mask)))  # (B, 2T, D)
        if mask is not None:
            mask = mask.repeat_interleave(self.upsample.factor, dim=1)  # (B, 2T)
        positions = self.positions(x)
        for layer in self.frame_layers:
            x = layer(x, positions, mask)
        normed: Tensor = self.norm(x)
        return normed


class RelativePositions(nn.Module):
    """Sines and cosines of every distance from a query to a key."""

    table: Tensor

    def __init__(self, width: int, length: int) -> None:
        super().__init__()
        self.length = length
        self.register_buffer("table", _distances(length, width, torch.device("cpu")), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """For `x` (B, T, D): (2T - 1, D), from a key T - 1 to the left to one T - 1 to the right."""
        _, length, width = x.shape
        if length > self.length:
            return _distances(length, width, x.device).to(x.dtype)
        return self.table[self.length - length : self.length + length - 1].to(x)


class InputLayer(nn.Module):
    """A projection in front of a stack of layers."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.projection = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width)
        self.scale = math.sqrt(width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, D) -> (B, T, D)."""
        normed: Tensor = self.norm(self.projection(x))
        return normed * self.scale


class Lookahead(nn.Module):
    """Two convolutions that let each token see the next few and the last two; zeros lie beyond the row."""

    def __init__(self, width: int, lookahead: int) -> None:
        super().__init__()
        self.ahead = nn.Conv1d(width, width, lookahead + 1)
        self.behind = nn.Conv1d(width, width, 3)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """(B, T, D) -> (B, T, D)."""
        x = silenced(x, mask)
        y: Tensor = F.pad(x.transpose(1, 2), (0, self.ahead.kernel_size[0] - 1))  # (B, D, T + lookahead)
        y = F.leaky_relu(self.ahead(y))  # (B, D, T)
        if mask is not None:
            y = y * mask[:, None]
        y = self.behind(F.pad(y, (self.behind.kernel_size[0] - 1, 0)))  # (B, D, T)
        return x + y.transpose(1, 2)


class ConformerLayer(nn.Module):
    """Attention and a feed-forward net; the published configuration has no convolutions in between."""

    def __init__(self, config: ConformerConfig) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(config.width, eps=1e-12)
        self.attention = RelativeAttention(config)
        self.feed_forward_norm = nn.LayerNorm(config.width, eps=1e-12)
        self.expand = nn.Linear(config.width, config.hidden_width)
        self.contract = nn.Linear(config.hidden_width, config.width)

    def forward(self, x: Tensor, positions: Tensor, mask: Tensor | None) -> Tensor:
        """(B, T, D), (2T - 1, D), (B, T) -> (B, T, D)."""
        x = x + self.attention(self.attention_norm(x), positions, mask)
        contracted: Tensor = self.contract(F.silu(self.expand(self.feed_forward_norm(x))))
        return x + contracted


class RelativeAttention(nn.Module):
    """Self-attention that weighs what a key holds and how far it is, each against a biased query."""

    def __init__(self, config: ConformerConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.scale = (config.width // config.heads) ** -0.5
        self.query = nn.Linear(config.width, config.width)
        self.key = nn.Linear(config.width, config.width)
        self.value = nn.Linear(config.width, config.width)
        self.position = nn.Linear(config.width, config.width, bias=False)
        self.content_bias = nn.Parameter(torch.empty(config.heads, config.width // config.heads))
        self.position_bias = nn.Parameter(torch.empty(config.heads, config.width // config.heads))
        self.output = nn.Linear(config.width, config.width)

    def forward(self, x: Tensor, positions: Tensor, mask: Tensor | None) -> Tensor:
        """(B, T, D), (2T - 1, D), (B, T) -> (B, T, D)."""
        query = self.query(x).unflatten(2, (self.heads, -1))  # (B, T, H, K)
        key, value = (
            layer(x).unflatten(2, (self.heads, -1)).transpose(1, 2)  # (B, H, T, K)
            for layer in (self.key, self.value)
        )
        by_content = (query + self.content_bias).transpose(1, 2)  # (B, H, T, K)
        by_position = ((query + self.position_bias) * self.scale).transpose(1, 2)  # (B, H, T, K)
        distance = self.position(positions).unflatten(1, (self.heads, -1)).permute(1, 2, 0)  # (H, K, 2T - 1)
        bias = _by_key(by_position @ distance)  # (B, H, T, T)
        if mask is not None:
            bias = bias.masked_fill(~mask[:, None, None], -math.inf)
        # The fused attention adds the bias to the scaled products of queries and keys.
        y = F.scaled_dot_product_attention(by_content, key, value, attn_mask=bias)  # (B, H, T, K)
        mixed: Tensor = self.output(y.transpose(1, 2).flatten(2))  # (B, T, D)
        return mixed


class Upsample(nn.Module):
    """Every token repeated, then smoothed by a convolution that looks back."""

    def __init__(self, width: int, factor: int) -> None:
        super().__init__()
        self.factor = factor
        self.smooth = nn.Conv1d(width, width, 2 * factor + 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, D) -> (B, 2T, D)."""
        repeated = x.transpose(1, 2).repeat_interleave(self.factor, dim=2)  # (B, D, 2T)
        smoothed: Tensor = self.smooth(F.pad(repeated, (2 * self.factor, 0)))
        return smoothed.transpose(1, 2)


def silenced(x: Tensor, mask: Tensor | None) -> Tensor:
    """`x` (B, T, D) with zeros where `mask` (B, T) is false: what a convolution sees beyond a row alone."""
    return x if mask is None else x * mask[..., None]


def _distances(length: int, width: int, device: torch.device) -> Tensor:
    """(2 * length - 1, width): sine and cosine, by turns, of the distances length - 1 down to 1 - length."""
    distance = torch.arange(length - 1, -length, -1, dtype=torch.float32, device=device)
    exponent = torch.arange(0, width, 2, dtype=torch.float32, device=device)
    angle = distance[:, None] * torch.exp(
        exponent * -(math.log(10000.0) / width)
    )  # (2 * length - 1, width / 2)
    return torch.stack((angle.sin(), angle.cos()), dim=-1).flatten(1)


def _by_key(by_distance: Tensor) -> Tensor:
    """(B, H, T, T) by query and key of a contiguous (B, H, T, 2T - 1) by query and distance.

    On the CPU it is a view. Row i of it begins where the distance i - 0 stands, at column T - 1 - i, so one
    row further down begins one place less than a row further on.
    """
    batch, heads, length, columns = by_distance.shape
    strides = (heads * length * columns, length * columns, columns - 1, 1)
    view = by_distance.as_strided(
        (batch, heads, length, length), strides, by_distance.storage_offset() + length - 1
    )
    # The fused attention of a GPU may want rows that begin at aligned addresses; the CPU's takes any.
    return view if view.device.type == "cpu" else view.contiguous()
