"""GPT-2 without its vocabulary (Radford et al. 2019): embeddings in, hidden states out, all state in a cache.

B batch (rows), N new positions, D width
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

from torch import Tensor, nn

from tts_hub_chatterbox.nets.gpt2_config import GPT2Config
from tts_hub_chatterbox.nets.gpt2_layers import LAYER_NORM_EPS, Block
from tts_hub_chatterbox.nets.gpt2_steps import FastSteps
from tts_hub_chatterbox.nets.kv_cache import KVCache, Places


class GPT2(nn.Module):
    """Pre-norm transformer with learned absolute positions."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        self.config = config
        self.position_embedding = nn.Embedding(config.context, config.width)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.final_norm = nn.LayerNorm(config.width, eps=LAYER_NORM_EPS)
        self._steps: FastSteps | None = None

    def prepare(self) -> None:
        """Make steps of one position faster, with the layers as they are now.

        Call it again after any change of the layers.
        """
        self._steps = FastSteps(
            self.blocks, self.position_embedding, self.final_norm, heads=self.config.heads
        )

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> Self:
        self._steps = None
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return self

    def forward(self, inputs: Tensor, cache: KVCache, shared: int = 0) -> Tensor:
        """Append the embeddings (B, N, D) to the B rows of the cache; returns hidden states (B, N, D).

        Args:
            inputs: (B, N, D).
            cache: the cache of the B rows.
            shared: how many positions all rows begin with alike, which are then read only once.

        Raises:
            GenerationError: the cache is full; it does not change then.
        """
        hidden = self.at(Places.after(cache, inputs.shape[1], shared), inputs, cache)
        cache.lengths.add_(inputs.shape[1])
        return hidden

    def at(self, places: Places, inputs: Tensor, cache: KVCache) -> Tensor:
        """`forward` at known places; the lengths of the cache do not change."""
        if self._steps is not None and inputs.shape[1] == 1:
            return self._steps(places, inputs, cache)
        hidden = inputs + self.position_embedding(places.positions)  # (B, N, D) + (1 or B, N, D)
        for block, keys, values in zip(self.blocks, cache.keys, cache.values, strict=True):
            hidden = block(hidden, keys, values, places)
        return self.final_norm(hidden)  # type: ignore[no-any-return]
