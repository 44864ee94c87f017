"""Steps by the short cut beside steps through the modules."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from tts_hub_chatterbox.nets.gpt2 import GPT2
from tts_hub_chatterbox.nets.gpt2_config import GPT2Config
from tts_hub_chatterbox.nets.int8 import has_int8, round_weights
from tts_hub_chatterbox.nets.kv_cache import KVCache

from tests.chatterbox.random_weights import fill_randomly

CONFIG = GPT2Config(layers=3, width=32, heads=4, context=64)
PROMPT = 7


def normal(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def filled_cache(net: GPT2, lengths: list[int], dtype: torch.dtype) -> KVCache:
    """Rows that have the first positions in common."""
    cache = KVCache.empty(CONFIG, batch=len(lengths), capacity=40, dtype=dtype)
    for row, length in enumerate(lengths):
        one = cache.rows(row, row + 1)
        net(normal(1, PROMPT, CONFIG.width, seed=0), one)
        net(normal(1, length - PROMPT, CONFIG.width, seed=row + 1), one)
    return cache


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("shared", [0, PROMPT])
@pytest.mark.parametrize("lengths", [[9], [9, 9, 9], [9, 12, 10]])
@pytest.mark.parametrize(
    "int8", [False, pytest.param(True, marks=pytest.mark.skipif(not has_int8(), reason="no int8"))]
)
@torch.inference_mode()
def test_a_step_is_the_same(lengths: list[int], shared: int, dtype: torch.dtype, *, int8: bool) -> None:
    net = GPT2(CONFIG)
    fill_randomly(net, 1)
    if int8:
        round_weights(net)
    plain, fast = (filled_cache(net, lengths, dtype) for _ in range(2))
    inputs = [normal(len(lengths), 1, CONFIG.width, seed=seed) for seed in (11, 12)]
    expected = [net(each, plain, shared) for each in inputs]
    net.prepare()
    found = [net(each, fast, shared) for each in inputs]
    for ours, theirs in zip(found, expected, strict=True):
        assert torch.equal(ours, theirs)
    assert torch.equal(fast.keys, plain.keys)
    assert torch.equal(fast.values, plain.values)
    assert torch.equal(fast.lengths, plain.lengths)


@torch.inference_mode()
def test_what_was_prepared_is_dropped_by_a_cast() -> None:
    net = GPT2(CONFIG)
    fill_randomly(net, 2)
    net.prepare()
    rough = net.bfloat16()
    cache = KVCache.empty(CONFIG, capacity=4, dtype=torch.bfloat16)
    assert rough(normal(1, 1, CONFIG.width, seed=3).bfloat16(), cache).dtype == torch.bfloat16
