"""Out of memory: an error of ours, and the memory is free again when it is raised."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import Mock, patch

import pytest
import torch
from tts_hub_chatterbox.backend import ChatterboxNano
from tts_hub_chatterbox.loading import compute_conditioning
from tts_hub_chatterbox.memory import translate_out_of_memory, translate_out_of_memory_on_load
from tts_hub_chatterbox.model import Chatterbox
from tts_hub_chatterbox.settings import ChatterboxSettings

from tests.speechlike import speechlike_wav
from tts_hub.errors import BackendUnavailableError, GenerationError

SIGNS = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    RuntimeError("MPS backend out of memory (MPS allocated: 1.00 GB, max allowed: 1.01 GB)."),
    RuntimeError("[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory"),
    RuntimeError("std::bad_alloc"),
    MemoryError(),
]


def failing(error: Exception, held: list[Any]) -> None:
    """Fails with a tensor in a local variable, as a running net has many."""
    activations = torch.zeros(10)
    held.append(weakref.ref(activations))
    try:
        also_failing(held)
    except ValueError:
        raise error from None


def also_failing(held: list[Any]) -> None:
    """Fails and recovers, as torch does inside."""
    workspace = torch.zeros(10)
    held.append(weakref.ref(workspace))
    raise ValueError


@pytest.mark.parametrize("error", SIGNS, ids=str)
@pytest.mark.parametrize(
    ("translate", "kind"),
    [(translate_out_of_memory, GenerationError), (translate_out_of_memory_on_load, BackendUnavailableError)],
)
def test_memory_that_is_used_up_is_an_error_of_ours(
    error: Exception,
    translate: Callable[[str, object], AbstractContextManager[None]],
    kind: type[GenerationError] | type[BackendUnavailableError],
) -> None:
    with (
        pytest.raises(kind, match=r"the memory of cuda:0 is used up: \S+") as caught,
        translate("chatterbox_nano", torch.device("cuda:0")),
    ):
        failing(error, [])
    assert caught.value.backend == "chatterbox_nano"
    assert "\n" not in str(caught.value)


def test_a_real_failure_of_the_cpu_is_seen() -> None:
    with pytest.raises(GenerationError, match="the memory of cpu"), translate_out_of_memory("x", "cpu"):
        torch.empty(1 << 60)


def test_what_the_failed_call_held_is_free_before_the_reserve_is_given_back() -> None:
    held: list[Any] = []
    alive: list[bool] = []

    def empty_cache() -> None:
        alive.extend(reference() is not None for reference in held)

    with (
        patch.object(torch.cuda, "is_available", return_value=True),
        patch.object(torch.cuda, "empty_cache", empty_cache),
        pytest.raises(GenerationError),
        translate_out_of_memory("chatterbox_nano", "cuda:0"),
    ):
        failing(torch.OutOfMemoryError("CUDA out of memory."), held)
    assert alive == [False, False]


@pytest.mark.parametrize("error", [RuntimeError("oneDNN"), ValueError("CUDA error: out of memory")])
def test_other_failures_pass_as_they_are(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, translate_out_of_memory("chatterbox_nano", "cpu"):
        failing(error, [])
    assert caught.value is error


@pytest.mark.anyio
async def test_loading_without_enough_memory_is_reported_with_a_remedy(tmp_path: Path) -> None:
    backend = ChatterboxNano(ChatterboxSettings(model_path=tmp_path, watermark=False, device="cpu"))
    for file in backend.variant.files:
        (tmp_path / file.name).write_bytes(b"x")
    with (
        patch.object(Chatterbox, "load", side_effect=SIGNS[0]),
        pytest.raises(BackendUnavailableError, match="memory of cpu is used up") as caught,
    ):
        await backend.load()
    assert caught.value.backend == "chatterbox_nano"
    assert "bfloat16" in caught.value.remedy


def test_a_clip_without_enough_memory_is_reported() -> None:
    model = SimpleNamespace(device="cuda:0", compute_conditioning=Mock(side_effect=SIGNS[2]))
    loop = SimpleNamespace(model=model, run=lambda work: work())
    with pytest.raises(GenerationError, match="memory of cuda:0 is used up"):
        compute_conditioning(cast("Any", loop), speechlike_wav(5.5, 24_000), "chatterbox_nano")
