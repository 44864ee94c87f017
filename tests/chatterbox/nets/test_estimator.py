from __future__ import annotations

import pytest
import torch
from torch import Tensor
from tts_hub_chatterbox.nets.estimator import CausalConv, Estimator, EstimatorConfig

from tests.chatterbox.random_weights import fill_randomly

TINY = EstimatorConfig(
    mel_bins=4, width=16, time_width=24, mid_blocks=2, layers=1, heads=2, head_width=8, hidden_width=32
)
HALF = torch.tensor([0.0]), torch.tensor([0.5])


def some_estimator() -> Estimator:
    estimator = Estimator(TINY).requires_grad_(requires_grad=False)
    frequencies = estimator.time.frequencies.clone()
    fill_randomly(estimator, 1)
    estimator.time.frequencies.copy_(frequencies)
    return estimator


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("begin", "end"), [(0, 7), (4, 12), (3, 9), (11, 12)])
def test_padding_on_either_side_changes_nothing(begin: int, end: int) -> None:
    estimator, mel, condition = some_estimator(), normal(1, 2, 12, 4), normal(2, 2, 12, 12)
    mask = torch.ones(2, 12, dtype=torch.bool)
    mask[1, :begin], mask[1, end:] = False, False
    velocity = estimator(mel, condition, *HALF, mask)
    torch.testing.assert_close(velocity[:1], estimator(mel[:1], condition[:1], *HALF))
    alone = estimator(mel[1:, begin:end], condition[1:, begin:end], *HALF)
    torch.testing.assert_close(velocity[1:, begin:end], alone)


def test_rows_may_be_at_different_times() -> None:
    estimator, mel, condition = some_estimator(), normal(3, 2, 6, 4), normal(4, 2, 6, 12)
    start, end = torch.tensor([0.0, 0.5]), torch.tensor([0.5, 1.0])
    velocity = estimator(mel, condition, start, end)
    for row in range(2):
        alone = estimator(
            mel[row : row + 1], condition[row : row + 1], start[row : row + 1], end[row : row + 1]
        )
        torch.testing.assert_close(velocity[row : row + 1], alone)


def test_both_times_matter() -> None:
    estimator, mel, condition = some_estimator(), normal(5, 1, 6, 4), normal(6, 1, 6, 12)
    whole = estimator(mel, condition, torch.tensor([0.0]), torch.tensor([1.0]))
    first_half = estimator(mel, condition, *HALF)
    second_half = estimator(mel, condition, torch.tensor([0.5]), torch.tensor([1.0]))
    assert not torch.allclose(whole, first_half)
    assert not torch.allclose(whole, second_half)


def test_convolution_looks_two_frames_back() -> None:
    conv, x = CausalConv(3, 5), normal(7, 1, 8, 3)
    before, changed = conv(x), x.clone()
    changed[0, 4] += 1
    differs = (conv(changed) != before).any(dim=2)[0]
    assert differs.tolist() == [4 <= frame <= 6 for frame in range(8)]
