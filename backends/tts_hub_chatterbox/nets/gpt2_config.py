"""The sizes of GPT-2 as T3 has it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GPT2Config:
    """The sizes of GPT-2 medium, but for the context."""

    layers: int = 24
    width: int = 1024
    heads: int = 16
    context: int = 8196
    """Positions there are embeddings for."""


GPT2_MEDIUM = GPT2Config()
GPT2_SMALL = GPT2Config(layers=12, width=768, heads=12)
