"""The marks among phonemes, in the International Phonetic Alphabet and in Kokoro's variety of it."""

from __future__ import annotations

STRESS = frozenset("ˈˌ")
"""Marks that belong to the sound behind them."""
LENGTH = frozenset("ːʰʲ\u0303")
"""Marks that belong to the sound before them."""
PUNCTUATION = frozenset(';:,.!?—…"()“”')


def sounds(symbol: str) -> bool:
    """Whether a symbol stands for a sound, and is neither a mark nor a space."""
    return symbol != " " and symbol not in STRESS | LENGTH | PUNCTUATION
