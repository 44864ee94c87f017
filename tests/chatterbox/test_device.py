"""The settings of torch for a device."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from tts_hub_chatterbox.device import configure_torch


def cudnn_attends() -> bool:
    return bool(torch.backends.cuda.cudnn_sdp_enabled())  # type: ignore[no-untyped-call]


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    cudnn, fused = torch.backends.cudnn, torch.backends.cuda
    before = cudnn.allow_tf32, cudnn.deterministic, cudnn_attends()
    yield
    cudnn.allow_tf32, cudnn.deterministic = before[:2]
    fused.enable_cudnn_sdp(before[2])


def test_cuda_computes_in_whole_float32_and_the_same_each_time() -> None:
    configure_torch(torch.device("cuda"))
    assert not torch.backends.cudnn.allow_tf32
    assert torch.backends.cudnn.deterministic
    assert not cudnn_attends()


def test_nothing_is_set_for_others() -> None:
    torch.backends.cudnn.allow_tf32 = True
    configure_torch(torch.device("cpu"))
    assert torch.backends.cudnn.allow_tf32
