"""Rows of T3 that step together, on a tiny net: each says what it says alone."""

from __future__ import annotations

import os
from pathlib import Path
from unittest.mock import patch

import pytest
import torch
from torch import Tensor
from tts_hub_chatterbox.nets.gpt2_config import GPT2Config
from tts_hub_chatterbox.nets.int8 import has_int8, round_weights
from tts_hub_chatterbox.nets.kv_cache import KVCache
from tts_hub_chatterbox.nets.t3 import T3, T3Config
from tts_hub_chatterbox.t3.batch import MAX_TEXT, Row, T3Batch
from tts_hub_chatterbox.t3.recorded_steps import RecordedSteps
from tts_hub_chatterbox.t3.sampling import SamplingOptions
from tts_hub_chatterbox.voices.conditioning import Conditioning

from tests.chatterbox.random_weights import fill_randomly
from tests.chatterbox.small_nets import some_voice
from tts_hub.errors import GenerationError, TextTooLongError

CONFIG = T3Config(
    backbone=GPT2Config(layers=2, width=32, heads=4, context=1200),
    text_vocabulary=40,
    speech_vocabulary=6563,
    speaker_width=256,
)
STEPS = 12
BROKEN = 39
"""A text token whose embedding is not finite."""
TEXTS = [[1, 2, 3], [4, 5, 6, 7, 8, 9, 10], [11], [12, 13, 14, 15]]


def tiny_t3(*, int8: bool = False) -> T3:
    net = T3(CONFIG)
    fill_randomly(net, seed=3)
    net.speech_head.weight.data.mul_(3)
    net.text_embedding.weight.data[BROKEN] = torch.nan
    if int8:
        round_weights(net)
    return net.eval().requires_grad_(requires_grad=False)


@pytest.fixture(scope="module", params=["float32", "int8"])
def net(request: pytest.FixtureRequest) -> T3:
    if request.param == "int8" and not has_int8():
        pytest.skip("this processor has no such products")
    return tiny_t3(int8=request.param == "int8")


def batch_of(net: T3, rows: int = 4, *, recorded: bool | None = None) -> T3Batch:
    return T3Batch(
        net, torch.device("cpu"), rows=rows, speech_tokens=60, kv_dtype=torch.float32, recorded=recorded
    )


def joined(batch: T3Batch, voice: Conditioning, text: list[int], seed: int) -> tuple[Row, list[int]]:
    row, token = batch.prefill(voice, text, SamplingOptions(), torch.Generator().manual_seed(seed))
    return row, [token]


def said_alone(net: T3, voice: Conditioning, text: list[int], seed: int, steps: int = STEPS) -> list[int]:
    batch = batch_of(net, rows=1)
    _, tokens = joined(batch, voice, text, seed)
    for _ in range(steps):
        tokens += [drawn.token for drawn in batch.step()]
    return tokens


@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize("one_voice", [True, False])
def test_rows_that_join_on_the_way_say_what_each_says_alone(net: T3, one_voice: bool, recorded: bool) -> None:
    voices = [some_voice(0 if one_voice else seed) for seed in range(4)]
    voices = 4 * voices[:1] if one_voice else voices
    batch = batch_of(net, recorded=recorded)
    said: dict[Row, list[int]] = {}
    for seed, (voice, text) in enumerate(zip(voices, TEXTS, strict=True)):
        row, tokens = joined(batch, voice, text, seed)
        said[row] = tokens
        for _ in range(3):
            for drawn in batch.step():
                said[drawn.row].append(drawn.token)
    for seed, (tokens, voice, text) in enumerate(zip(said.values(), voices, TEXTS, strict=True)):
        assert tokens == said_alone(net, voice, text, seed)[: len(tokens)]


def test_what_all_have_in_common_is_read_once(net: T3) -> None:
    voice, batch = some_voice(), batch_of(net)
    for seed, text in enumerate(TEXTS[:2]):
        joined(batch, voice, text, seed)
    with patch(
        "tts_hub_chatterbox.nets.gpt2_layers.attend_with_shared_prefix", side_effect=ValueError
    ) as shared:
        assert all(drawn.error is None for drawn in batch.step())
        assert shared.call_count == 1  # then each row for itself


@pytest.mark.parametrize("recorded", [True, False])
def test_a_row_is_freed_and_the_others_continue(net: T3, recorded: bool) -> None:
    voice, batch = some_voice(), batch_of(net, recorded=recorded)
    rows = [joined(batch, voice, text, seed) for seed, text in enumerate(TEXTS)]
    said = dict(rows)
    for steps in range(STEPS):
        if steps == 2:
            batch.free(rows[0][0])
            said.pop(rows[0][0])
        if steps == 5:
            batch.free(rows[3][0])
            said.pop(rows[3][0])
            row, tokens = joined(batch, voice, TEXTS[0], 0)
            said[row] = tokens
        for drawn in batch.step():
            said[drawn.row].append(drawn.token)
    alone = [said_alone(net, voice, text, seed) for seed, text in enumerate(TEXTS)]
    assert list(said.values()) == [alone[1], alone[2], alone[0][: 1 + STEPS - 5]]


def test_numbers_that_are_not_finite_stay_in_their_row(net: T3) -> None:
    voice, batch = some_voice(), batch_of(net)
    with pytest.raises(GenerationError, match="finite"):
        joined(batch, voice, [1, BROKEN], 9)
    good, tokens = joined(batch, voice, TEXTS[0], 0)
    bad, _ = joined(batch, voice, TEXTS[1], 1)
    plain = T3.step

    def step(net: T3, last: Tensor, cache: KVCache, shared: int = 0) -> Tensor:
        logits = plain(net, last, cache, shared)
        logits[1] = torch.nan
        return logits

    with patch.object(T3, "step", step):
        drawn = {each.row: each for each in batch.step()}
    assert isinstance(drawn[bad].error, GenerationError)
    tokens.append(drawn[good].token)
    batch.free(bad)
    for _ in range(4):
        tokens += [each.token for each in batch.step()]
    assert tokens == said_alone(net, voice, TEXTS[0], 0)[: len(tokens)]


def test_where_all_together_fail_each_is_tried_alone(net: T3) -> None:
    voice, batch = some_voice(), batch_of(net)
    rows = [joined(batch, voice, text, seed) for seed, text in enumerate(TEXTS[:3])]
    plain = T3.step

    def step(net: T3, last: Tensor, cache: KVCache, shared: int = 0) -> Tensor:
        if len(last) > 1 or int(cache.lengths[0]) == 1 + 5 + 1 + 1:  # the third text is the shortest
            raise torch.OutOfMemoryError("CUDA out of memory")
        return plain(net, last, cache, shared)

    with patch.object(T3, "step", step):
        drawn = batch.step()
    assert [type(each.error) for each in drawn] == [type(None), type(None), GenerationError]
    assert [each.row for each in drawn] == [row for row, _ in rows]
    assert [each.token for each in drawn[:2]] == [
        said_alone(net, voice, text, seed, 1)[1] for seed, text in enumerate(TEXTS[:2])
    ]


def test_a_row_that_is_tried_alone_leaves_the_others_as_they_are(net: T3) -> None:
    voice, batch = some_voice(), batch_of(net, recorded=True)
    said = dict(joined(batch, voice, text, seed) for seed, text in enumerate(TEXTS[:3]))
    plain = RecordedSteps.step

    def step(steps: RecordedSteps, tokens: Tensor) -> Tensor:
        if len(tokens) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return plain(steps, tokens)

    with patch.object(RecordedSteps, "step", step):
        for drawn in batch.step():
            said[drawn.row].append(drawn.token)
    for _ in range(STEPS - 1):
        for drawn in batch.step():
            said[drawn.row].append(drawn.token)
    assert list(said.values()) == [said_alone(net, voice, text, seed) for seed, text in enumerate(TEXTS[:3])]


def test_a_text_without_room_is_refused_and_takes_none(net: T3) -> None:
    batch = batch_of(net, rows=1)
    with pytest.raises(TextTooLongError, match=str(MAX_TEXT)):
        joined(batch, some_voice(), (MAX_TEXT + 1) * [1], 0)
    assert not batch.is_full


def test_a_recorded_step_in_a_full_cache_is_an_error(net: T3) -> None:
    batch = T3Batch(net, torch.device("cpu"), rows=2, speech_tokens=1, kv_dtype=torch.float32, recorded=True)
    joined(batch, some_voice(), TEXTS[0], 0)
    batch._cache.lengths[0] = batch._cache.capacity
    (drawn,) = batch.step()
    assert isinstance(drawn.error, GenerationError)
    assert batch._cache.lengths[0] == batch._cache.capacity


def test_a_recorded_step_is_rounded_alike_however_many_take_part(net: T3) -> None:
    batch = batch_of(net, rows=8, recorded=True)
    assert batch._recorded is not None
    for seed in range(7):
        joined(batch, some_voice(seed), TEXTS[seed % 4], seed)
    with torch.inference_mode():
        tokens = torch.tensor([7, 1, 2, 3, 4, 5, 6])
        alone = batch._recorded.step(tokens[:1])
        batch._cache.lengths[0] -= 1
        assert torch.equal(batch._recorded.step(tokens)[:1], alone)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reports its memory otherwise")
def test_a_cache_takes_memory_only_where_it_is_filled() -> None:
    config = GPT2Config(layers=4, width=256, heads=4, context=20_000)
    before = _resident_pages()
    cache = KVCache.empty(config, batch=8, capacity=20_000)
    assert cache.keys.nbytes > 600 << 20
    assert (_resident_pages() - before) * os.sysconf("SC_PAGE_SIZE") < 50 << 20
    assert cache.keys.data_ptr() % 64 == cache.values.data_ptr() % 64 == 0
    assert not cache.rows(7, 8).keys[:, :, :, :3].any()


def _resident_pages() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
