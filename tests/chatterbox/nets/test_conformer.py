from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from torch import Tensor
from tts_hub_chatterbox.nets.conformer import (
    ConformerConfig,
    RelativeAttention,
    UpsamplingConformer,
    _by_key,
)
from tts_hub_chatterbox.nets.past import Memory, Past

from tests.chatterbox.blindness import blind_to_what_follows
from tests.chatterbox.random_weights import fill_randomly

TINY = ConformerConfig(width=16, heads=2, hidden_width=32, token_layers=1, frame_layers=1, table_length=64)
DEEPER = replace(TINY, token_layers=2, frame_layers=2)
AHEAD = 3
"""Tokens."""


def some_encoder(config: ConformerConfig = TINY) -> UpsamplingConformer:
    encoder = UpsamplingConformer(config).requires_grad_(requires_grad=False)
    table = encoder.positions.table.clone()
    fill_randomly(encoder, 1)
    encoder.positions.table.copy_(table)
    return encoder


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_two_frames_a_token() -> None:
    assert some_encoder()(normal(1, 2, 5, 16)).shape == (2, 10, 16)


def test_rows_longer_than_the_table_are_encoded_alike() -> None:
    x = normal(2, 1, 20, 16)
    assert torch.equal(some_encoder(replace(TINY, table_length=7))(x), some_encoder()(x))


def test_a_token_sees_the_next_three_before_attention() -> None:
    lookahead, x = some_encoder().lookahead, normal(3, 1, 9, 16)
    before = lookahead(x, None)
    changed = x.clone()
    changed[0, 6] += 1
    differs = (lookahead(changed, None) != before).any(dim=2)[0]
    assert differs.tolist() == [place >= 3 for place in range(9)]


@pytest.mark.parametrize(("begin", "end"), [(0, 7), (4, 12), (3, 9), (11, 12)])
def test_padding_on_either_side_changes_nothing(begin: int, end: int) -> None:
    encoder, x, mask = some_encoder(), normal(4, 2, 12, 16), torch.ones(2, 12, dtype=torch.bool)
    mask[1, :begin], mask[1, end:] = False, False
    encoded = encoder(x, mask)
    torch.testing.assert_close(encoded[:1], encoder(x[:1]))
    torch.testing.assert_close(encoded[1:, 2 * begin : 2 * end], encoder(x[1:, begin:end]))


def test_attention_weighs_distances() -> None:
    attention, x, positions = RelativeAttention(TINY), normal(5, 1, 6, 16), normal(6, 11, 16)
    fill_randomly(attention, 2)
    query, key, value = (
        layer(x).view(6, 2, 8) for layer in (attention.query, attention.key, attention.value)
    )
    distance = attention.position(positions).view(11, 2, 8)
    mixed = torch.zeros(6, 2, 8)
    for head in range(2):
        for i in range(6):
            by_content = key[:, head] @ (query[i, head] + attention.content_bias[head])
            # The first position is that of a key five to the left.
            nearby = distance[[5 - i + j for j in range(6)], head]
            by_position = nearby @ (query[i, head] + attention.position_bias[head])
            weights = ((by_content + by_position) / 8**0.5).softmax(0)
            mixed[i, head] = weights @ value[:, head]
    torch.testing.assert_close(attention(x, positions, None)[0], attention.output(mixed.flatten(1)))


def encoded_in_pieces(
    encoder: UpsamplingConformer, x: Tensor, borders: Sequence[int], *, most: int = 100
) -> list[Tensor]:
    """Each behind what is remembered of the last `most` tokens before it."""
    tokens: Memory | None = None
    frames: Memory | None = None
    pieces = []
    for start, end in pairwise((0, *borders, x.shape[1])):
        token_past, frame_past = (Past(*(one for one in (memory,) if one)) for memory in (tokens, frames))
        final = end == x.shape[1]
        seen = x[:, start : end if final else end + AHEAD]
        pieces.append(encoder.encode_after(seen, token_past, frame_past, final=final))
        tokens = token_past.memory().after(tokens, most)
        frames = frame_past.memory().after(frames, 2 * most)
    return pieces


@pytest.mark.parametrize("table_length", [64, 9])
@pytest.mark.parametrize("borders", [(), (8,), (1, 2, 9), (4, 5, 6, 15, 17)])
def test_tokens_behind_remembered_ones_are_encoded_as_if_those_were_blind_to_them(
    borders: tuple[int, ...], table_length: int
) -> None:
    encoder, x = some_encoder(replace(DEEPER, table_length=table_length)), normal(8, 2, 20, 16)
    with blind_to_what_follows(20, *borders):
        whole = encoder(x)
    pieces = encoded_in_pieces(encoder, x, borders)
    assert [piece.shape[1] for piece in pieces] == [2 * (b - a) for a, b in pairwise((0, *borders, 20))]
    torch.testing.assert_close(torch.cat(pieces, dim=1), whole, rtol=1e-5, atol=1e-5)


def test_tokens_that_were_forgotten_are_not_attended_to() -> None:
    encoder, x = some_encoder(DEEPER), normal(9, 1, 20, 16)
    *_, last = encoded_in_pieces(encoder, x, (5, 12), most=4)
    with blind_to_what_follows(20, 5, 12, most=4):
        whole = encoder(x)
    torch.testing.assert_close(last, whole[:, 24:], rtol=1e-5, atol=1e-5)


def test_the_bias_is_a_view_on_the_cpu_and_in_rows_of_its_own_elsewhere() -> None:
    by_distance = normal(7, 1, 2, 5, 9)
    view = _by_key(by_distance)
    assert view.untyped_storage().data_ptr() == by_distance.untyped_storage().data_ptr()
    assert all(view[0, 1, i, j] == by_distance[0, 1, i, 4 - i + j] for i in range(5) for j in range(5))
    assert _by_key(torch.empty(1, 2, 5, 9, device="meta")).is_contiguous()


def test_the_bias_of_remembered_keys_continues_to_the_left() -> None:
    by_distance = normal(10, 1, 2, 5, 12)
    view = _by_key(by_distance)
    assert view.shape == (1, 2, 5, 8)
    assert all(view[0, 1, i, j] == by_distance[0, 1, i, 4 - i + j] for i in range(5) for j in range(8))
