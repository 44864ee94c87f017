"""Sampling of the next speech token: filters and the draw, in the order of Chatterbox Turbo.

B batch, V speech vocabulary, k the most candidates of a row
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from tts_hub.errors import GenerationError, UnsupportedOptionError
from tts_hub_chatterbox.nets.t3 import START_SPEECH


@dataclass(frozen=True, slots=True)
class SamplingOptions:
    """The options of sampling; `top_k=1` always takes the likeliest token.

    Raises:
        UnsupportedOptionError: a value is out of range.
    """

    temperature: float = 0.8
    """Above 0; higher is livelier and less certain."""
    top_k: int = 1000
    """At least 1: only the k likeliest tokens, and those exactly as likely as the last of them."""
    top_p: float = 0.95
    """Above 0, at most 1: only the likeliest tokens that sum up to p."""
    repetition_penalty: float = 1.2
    """Above 0: the divisor of said tokens' logits, or their factor if negative; 1: no penalty."""

    def __post_init__(self) -> None:
        _require(0 < self.temperature < math.inf, "temperature", self.temperature, "above 0")
        _require(self.top_k >= 1, "top_k", self.top_k, "at least 1")
        _require(0 < self.top_p <= 1, "top_p", self.top_p, "above 0 and at most 1")
        _require(
            0 < self.repetition_penalty < math.inf, "repetition_penalty", self.repetition_penalty, "above 0"
        )


def sample(
    logits: Tensor,
    said: Tensor,
    options: Sequence[SamplingOptions],
    generators: Sequence[torch.Generator],
) -> Tensor:
    """Draw the next token (B,) int64 of every row, with its own options and generator.

    A row's tokens do not depend on what other rows are beside it. The draw is that of `torch.multinomial`.

    Args:
        logits: (B, V) float32; not changed.
        said: (B, V) bool, the speech tokens of each row so far: all False at first. The new ones are added.
        options: one for each row.
        generators: one for each row; those of the CPU draw the same for logits on any device.

    Raises:
        GenerationError: the net gave no finite numbers.
    """
    # On the processor, while a GPU may still compute the logits.
    noise = torch.stack([_noise(logits.shape[1], generator) for generator in generators])  # (B, V)
    noise = noise.to(logits.device)
    if not bool(torch.isfinite(logits).all()):
        raise GenerationError("the model generated no finite logits", backend="chatterbox")
    probabilities = _filtered(logits, said, options).softmax(dim=-1)  # (B, V)
    tokens = probabilities.div_(noise).argmax(dim=-1)  # (B,)
    said.scatter_(1, tokens[:, None], value=True)
    return tokens


def _filtered(logits: Tensor, said: Tensor, options: Sequence[SamplingOptions]) -> Tensor:
    """(B, V): temperature, top-k, top-p, then the repetition penalty, which brings no token back."""
    vocabulary = logits.shape[1]
    ks = [min(o.top_k, vocabulary) for o in options]
    # Below 0 where top-p is off, so that a token whose probability is rounded to 0 stays.
    refused = [1 - o.top_p if o.top_p < 1 else -1.0 for o in options]
    table = [
        (o.temperature, k - 1, p, o.repetition_penalty) for o, k, p in zip(options, ks, refused, strict=True)
    ]
    columns = torch.tensor(table, dtype=logits.dtype, device=logits.device)  # (B, 4), in one transfer
    temperature, last, smallest, penalty = columns.T[..., None].unbind()  # (B, 1) each
    scaled = logits / temperature
    kept = scaled.masked_fill(scaled < _threshold(scaled, max(ks), last.long(), smallest), -torch.inf)
    nothing_said = ~said.any(dim=1)  # (B,)
    penalised = said.clone()
    # Upstream counts the start as said while nothing is.
    penalised[:, START_SPEECH] |= nothing_said
    return torch.where(penalised, torch.where(kept < 0, kept * penalty, kept / penalty), kept)


def _threshold(scaled: Tensor, most: int, last: Tensor, refused: Tensor) -> Tensor:
    """(B, 1): the least logit that top-k and top-p both keep.

    `last` (B, 1) is the rank of top-k's last one, at most `most`; `refused` (B, 1) what top-p leaves out.
    """
    best = scaled.topk(most, dim=1).values  # (B, k), descending
    of_top_k = best.gather(1, last)  # (B, 1)
    rising = best.masked_fill(best < of_top_k, -torch.inf).flip(1)  # (B, k)
    removed = (rising.softmax(dim=1).cumsum(dim=1) <= refused).sum(dim=1, keepdim=True)  # (B, 1)
    of_top_p = rising.gather(1, removed.clamp_(max=rising.shape[1] - 1))  # (B, 1)
    return torch.maximum(of_top_k, of_top_p)


def _noise(vocabulary: int, generator: torch.Generator) -> Tensor:
    drawn = torch.empty(vocabulary, device=generator.device)  # (V,)
    return drawn.exponential_(generator=generator)


def _require(fine: bool, name: str, value: float, wanted: str) -> None:
    if not fine:
        raise UnsupportedOptionError(f"{name} is {value}; it must be {wanted}", param=f"options.{name}")
