"""The sizes of GPT-2 as T3 has it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GPT2Config:
    """The sizes of a GPT-2; the defaults are those of GPT-2 medium, except for the context."""

    layers: int = 24
    width: int = 1024
    heads: int = 16
    context: int = 8196
    """The number of position embeddings."""


GPT2_MEDIUM = GPT2Config()
GPT2_SMALL = GPT2Config(layers=12, width=768, heads=12)
