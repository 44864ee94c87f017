"""The encoder of the flow: embedded speech tokens -> features at the mel's rate, two a token.

B batch, T tokens or frames, P those before them, D width, H heads, K width of a head

Attention with relative positions: Dai et al. 2019, "Transformer-XL", section 3.3 and appendix B.
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


@dataclass(frozen=True, slots=True)
class ConformerConfig:
    """Sizes; the defaults are the published ones."""

    width: int = 512
    heads: int = 8
    hidden_width: int = 2048
    """The inner width of the feed-forward nets."""
    token_layers: int = 6
    """Layers before the upsampling."""
    frame_layers: int = 4
    """Layers after the upsampling."""
    lookahead: int = 3
    """Tokens to the right that a token's features depend on."""
    upsampling: int = 2
    """Mel frames for each token."""
    table_length: int = 5000
    """Frames (100 s) whose positions are computed in advance."""


class UpsamplingConformer(nn.Module):
    """The encoder. Every position attends to the whole row, and to what is remembered of earlier tokens."""

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
        """Encode whole rows.

        Args:
            x: (B, T, D) embedded tokens.
            mask: (B, T) bool, false where a row is padded, on its left or its right; None: no row is. No
                row may be all padding.

        Returns:
            (B, 2T, D). The values at padded places mean nothing.
        """
        return self._run_layers(self.lookahead(self.token_input(x), mask), mask, None, None)

    def encode_after(self, x: Tensor, token_past: Past, frame_past: Past, *, final: bool) -> Tensor:
        """Encode tokens after remembered ones, which do not attend to them except for the look-ahead.

        Args:
            x: (B, T, D) embedded tokens; no row is padded.
            token_past: holds the memory of earlier tokens and records that of these; new for each call.
            frame_past: the same at the rate of the mel.
            final: no token follows. Otherwise the last 3 are only looked ahead to, and must come again at the
                beginning of the next call's tokens.

        Returns:
            (B, 2T, D), or 6 less unless `final`.
        """
        x = self.lookahead(self.token_input(x), None, token_past, final=final)  # (B, T or T - 3, D)
        return self._run_layers(x, None, token_past, frame_past)

    def _run_layers(
        self, x: Tensor, mask: Tensor | None, token_past: Past | None, frame_past: Past | None
    ) -> Tensor:
        """(B, T, D), (B, T) -> (B, 2T, D)."""
        positions = self.positions(x, _before(token_past))
        for layer in self.token_layers:
            x = layer(x, positions, mask, token_past)
        x = self.frame_input(self.upsample(mask_padding(x, mask), token_past))  # (B, 2T, D)
        if mask is not None:
            mask = mask.repeat_interleave(self.upsample.factor, dim=1)  # (B, 2T)
        positions = self.positions(x, _before(frame_past))
        for layer in self.frame_layers:
            x = layer(x, positions, mask, frame_past)
        normed: Tensor = self.norm(x)
        return normed


class RelativePositions(nn.Module):
    """Sines and cosines of every distance from a query to a key."""

    table: Tensor

    def __init__(self, width: int, length: int) -> None:
        super().__init__()
        self.length = length
        self.register_buffer("table", _distances(length, width, torch.device("cpu")), persistent=False)

    def forward(self, x: Tensor, before: int = 0) -> Tensor:
        """The positions (P + 2T - 1, D) of queries `x` (B, T, D); P = `before` earlier keys come first.

        They go from a key P + T - 1 to the left of its query to one T - 1 to the right.
        """
        _, length, width = x.shape
        left = before + length
        if left > self.length:
            return _distances(left, width, x.device)[: left + length - 1].to(x.dtype)
        return self.table[self.length - left : self.length + length - 1].to(x)


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
    """Two convolutions over each token, the next few and the last two; the row is padded with zeros."""

    def __init__(self, width: int, lookahead: int) -> None:
        super().__init__()
        self.ahead = nn.Conv1d(width, width, lookahead + 1)
        self.behind = nn.Conv1d(width, width, EDGE + 1)

    def forward(
        self, x: Tensor, mask: Tensor | None, past: Past | None = None, *, final: bool = True
    ) -> Tensor:
        """(B, T, D) -> (B, T, D), or unless `final` without the last few, which are only looked ahead to."""
        x = mask_padding(x, mask)
        y = x.transpose(1, 2)  # (B, D, T)
        if final:
            y = F.pad(y, (0, self.ahead.kernel_size[0] - 1))  # (B, D, T + lookahead)
        y = F.leaky_relu(self.ahead(y))  # (B, D, T), or T - lookahead from here on
        if mask is not None:
            y = y * mask[:, None]
        y = F.pad(y, (EDGE, 0)) if past is None else past.prepend_edge(y.transpose(1, 2)).transpose(1, 2)
        y = self.behind(y).transpose(1, 2)  # (B, T, D)
        seen: Tensor = x[:, : y.shape[1]] + y
        return seen


class ConformerLayer(nn.Module):
    """Attention and a feed-forward net; the published configuration has no convolutions in between."""

    def __init__(self, config: ConformerConfig) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(config.width, eps=1e-12)
        self.attention = RelativeAttention(config)
        self.feed_forward_norm = nn.LayerNorm(config.width, eps=1e-12)
        self.expand = Dense(config.width, config.hidden_width, "silu")
        self.contract = nn.Linear(config.hidden_width, config.width)

    def forward(self, x: Tensor, positions: Tensor, mask: Tensor | None, past: Past | None) -> Tensor:
        """(B, T, D), (P + 2T - 1, D), (B, T) -> (B, T, D)."""
        x = x + self.attention(self.attention_norm(x), positions, mask, past)
        contracted: Tensor = self.contract(self.expand(self.feed_forward_norm(x)))
        return x + contracted


class RelativeAttention(nn.Module):
    """Self-attention by the content of a key and by its distance, each scored with a biased query."""

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

    def forward(self, x: Tensor, positions: Tensor, mask: Tensor | None, past: Past | None = None) -> Tensor:
        """(B, T, D), (P + 2T - 1, D), (B, T) -> (B, T, D). With a past there must be no mask."""
        query = self.query(x).unflatten(2, (self.heads, -1))  # (B, T, H, K)
        key, value = (
            layer(x).unflatten(2, (self.heads, -1)).transpose(1, 2)  # (B, H, T, K)
            for layer in (self.key, self.value)
        )
        if past is not None:
            key, value = past.prepend_keys(key, value)  # (B, H, P + T, K)
        by_content = (query + self.content_bias).transpose(1, 2)  # (B, H, T, K)
        by_position = ((query + self.position_bias) * self.scale).transpose(1, 2)  # (B, H, T, K)
        distance = self.position(positions).unflatten(1, (self.heads, -1))  # (P + 2T - 1, H, K)
        bias = _by_key(by_position @ distance.permute(1, 2, 0))  # (B, H, T, P + T)
        if mask is not None:
            bias = bias.masked_fill(~mask[:, None, None], -math.inf)
        y = attend(by_content, key, value, bias)  # (B, H, T, K)
        mixed: Tensor = self.output(y.transpose(1, 2).flatten(2))  # (B, T, D)
        return mixed


class Upsample(nn.Module):
    """Repeats every token, and smooths the result by a convolution that looks back."""

    def __init__(self, width: int, factor: int) -> None:
        super().__init__()
        self.factor = factor
        self.smooth = nn.Conv1d(width, width, EDGE * factor + 1)

    def forward(self, x: Tensor, past: Past | None) -> Tensor:
        """(B, T, D) -> (B, 2T, D)."""
        x = F.pad(x, (0, 0, EDGE, 0)) if past is None else past.prepend_edge(x)  # (B, 2 + T, D)
        repeated = x.transpose(1, 2).repeat_interleave(self.factor, dim=2)  # (B, D, 4 + 2T)
        smoothed: Tensor = self.smooth(repeated)
        return smoothed.transpose(1, 2)


def mask_padding(x: Tensor, mask: Tensor | None) -> Tensor:
    """`x` (B, T, D) with zeros where `mask` (B, T) is false, as a convolution has them beyond a row."""
    return x if mask is None else x * mask[..., None]


def _distances(length: int, width: int, device: torch.device) -> Tensor:
    """(2 * length - 1, width): sines and cosines in turn of the distances length - 1 down to 1 - length."""
    distance = torch.arange(length - 1, -length, -1, dtype=torch.float32, device=device)
    exponent = torch.arange(0, width, 2, dtype=torch.float32, device=device)
    angle = distance[:, None] * torch.exp(
        exponent * -(math.log(10000.0) / width)
    )  # (2 * length - 1, width / 2)
    return torch.stack((angle.sin(), angle.cos()), dim=-1).flatten(1)


def _before(past: Past | None) -> int:
    return 0 if past is None else past.before


def _by_key(by_distance: Tensor) -> Tensor:
    """(B, H, T, P + T) by query and key of a contiguous (B, H, T, P + 2T - 1) by query and distance.

    On the CPU it is a view. Its row i begins at the distance P + i - 0, which is at column T - 1 - i: so each
    row begins one place less than a whole row after the one before it.
    """
    batch, heads, length, columns = by_distance.shape
    strides = (heads * length * columns, length * columns, columns - 1, 1)
    view = by_distance.as_strided(
        (batch, heads, length, columns - length + 1), strides, by_distance.storage_offset() + length - 1
    )
    # The fused attention of a GPU may need rows at aligned addresses; that of the CPU takes any.
    return view if view.device.type == "cpu" else view.contiguous()
