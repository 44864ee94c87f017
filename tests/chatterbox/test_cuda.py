"""On a GPU with CUDA, where there is one: small nets, beside the same ones on processors."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from tts_hub_chatterbox.device import configure_torch
from tts_hub_chatterbox.nets.cuda_graphs import GraphRecorder
from tts_hub_chatterbox.nets.t3 import T3
from tts_hub_chatterbox.render.recorded_passes import RecordedPasses
from tts_hub_chatterbox.render.rendering import Rendering, RenderOptions
from tts_hub_chatterbox.seeds import generator_for
from tts_hub_chatterbox.t3.batch import Row, T3Batch
from tts_hub_chatterbox.t3.sampling import SamplingOptions
from tts_hub_chatterbox.voices.conditioning import Conditioning
from tts_hub_chatterbox.voices.voice_memory import VoiceMemories

from tests.chatterbox.scheduler.test_loop import SmallModel, asked, heard, looping, spoken
from tests.chatterbox.small_nets import SmallNets, small_nets, some_tokens, some_voice
from tests.chatterbox.t3.test_batch import TEXTS, tiny_t3
from tts_hub.errors import GenerationError
from tts_hub.types import Samples

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU with CUDA")
CPU, CUDA = torch.device("cpu"), torch.device("cuda")
STEPS = 30
WORKSPACES = 160 << 20
"""Bytes that cuBLAS keeps for two streams."""
each_type = pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
each_way = pytest.mark.parametrize("recorded", [True, False], ids=["recorded", "unrecorded"])


@pytest.fixture(autouse=True, scope="module")
def settled() -> None:
    configure_torch(CUDA)


@dataclass(frozen=True)
class NetsOnCuda(SmallNets):
    @property
    def device(self) -> torch.device:
        return CUDA


def nets_on_cuda() -> NetsOnCuda:
    nets = small_nets()
    return NetsOnCuda(nets.flow.to(CUDA), nets.vocoder.to(CUDA))


@dataclass(frozen=True)
class ModelOnCuda(SmallModel):
    nets: SmallNets = field(default_factory=nets_on_cuda)
    t3: T3 = field(default_factory=lambda: tiny_t3().to(CUDA))

    @property
    def device(self) -> torch.device:
        return CUDA


def batch_of(
    dtype: torch.dtype, device: torch.device = CUDA, *, rows: int = 4, recorded: bool | None = None
) -> T3Batch:
    net = tiny_t3().to(device, dtype)
    return T3Batch(net, device, rows=rows, speech_tokens=60, kv_dtype=dtype, recorded=recorded)


def joined(batch: T3Batch, seed: int, voice: Conditioning | None = None) -> tuple[Row, list[int]]:
    chance = torch.Generator().manual_seed(seed)
    row, token = batch.prefill(voice or some_voice(), TEXTS[seed], SamplingOptions(), chance)
    return row, [token]


def said_alone(batch: T3Batch, seed: int) -> list[int]:
    row, tokens = joined(batch, seed)
    for _ in range(STEPS):
        (drawn,) = batch.step()
        tokens.append(drawn.token)
    batch.free(row)
    return tokens


@each_way
def test_tokens_of_float32_are_those_of_processors(recorded: bool) -> None:
    batch = batch_of(torch.float32, recorded=recorded)
    on_processor = batch_of(torch.float32, CPU)
    for seed in range(len(TEXTS)):
        assert said_alone(batch, seed) == said_alone(on_processor, seed)


@each_way
@each_type
def test_rows_say_together_what_each_says_alone(dtype: torch.dtype, recorded: bool) -> None:
    batch = batch_of(dtype, recorded=recorded)
    alone = [said_alone(batch, seed) for seed in range(len(TEXTS))]
    said: dict[Row, list[int]] = {}
    for seed in range(len(TEXTS)):
        row, tokens = joined(batch, seed)
        said[row] = tokens
        for _ in range(3):
            for drawn in batch.step():
                said[drawn.row].append(drawn.token)
    assert list(said.values()) == [
        whole[: len(tokens)] for whole, tokens in zip(alone, said.values(), strict=True)
    ]


@each_type
def test_recorded_steps_give_what_others_give(dtype: torch.dtype) -> None:
    one, other = batch_of(dtype, recorded=True), batch_of(dtype, recorded=False)
    assert [said_alone(one, seed) for seed in range(4)] == [said_alone(other, seed) for seed in range(4)]


def test_all_shapes_are_recorded_beforehand(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = batch_of(torch.bfloat16)
    batch.warm_up()
    monkeypatch.setattr(GraphRecorder, "record", None)
    assert len(said_alone(batch, 0)) == STEPS + 1


@pytest.mark.parametrize("prompt", ["exact", "remembered"])
@pytest.mark.parametrize("recorded", [True, False])
def test_sound_is_near_that_of_processors(prompt: str, *, recorded: bool) -> None:
    options = RenderOptions(context_tokens=10, prompt=prompt, context=prompt)  # type: ignore[arg-type]
    nets = nets_on_cuda()
    passes = RecordedPasses(nets.flow, options.flow_steps) if recorded else None
    ours, again = _rendered(nets, options, passes), _rendered(nets, options, passes)
    theirs = _rendered(small_nets(), options)
    assert np.linalg.norm(ours - theirs) < 1e-2 * np.linalg.norm(theirs)
    assert np.array_equal(ours, again)


def _rendered(nets: SmallNets, options: RenderOptions, passes: RecordedPasses | None = None) -> Samples:
    rendering = Rendering(
        nets,
        some_voice(),
        flow_generator=generator_for(1, 0, "flow"),
        source_generator=generator_for(1, 0, "source"),
        watermarker=None,
        options=options,
        memories=VoiceMemories(nets.flow),
        passes=passes,
    )
    given = []
    for part in range(3):
        rendering.push(some_tokens(part, 20))
        given.append(rendering.render(final=part == 2))
    return np.concatenate(given)


def test_a_seed_sounds_the_same_alone_and_beside_others() -> None:
    with looping(ModelOnCuda()) as loop:
        alone = spoken(loop, asked(seed=1)).samples
        loop.warm_up()
        together = [asked(f"r{seed}", seed=seed) for seed in range(6)]
        for segment in together:
            loop.submit(segment)
        assert np.array_equal([heard(segment) for segment in together][1].samples, alone)


def test_a_cancelled_segment_frees_its_row_and_the_others_continue() -> None:
    with looping(ModelOnCuda(), rows=2) as loop:
        alone = spoken(loop, asked(seed=1)).samples
        gone, staying = asked("gone", seed=2, limit=150), asked("staying", seed=1)
        for segment in (gone, staying):
            loop.submit(segment)
        gone.events.get(timeout=30)
        gone.cancelled.set()
        assert np.array_equal(heard(staying).samples, alone)
        assert np.array_equal(spoken(loop, asked(seed=1)).samples, alone)


def test_memory_that_is_used_up_while_a_step_is_recorded_is_reported_and_leaves_no_mark() -> None:
    batch = batch_of(torch.bfloat16)
    alone = said_alone(batch_of(torch.bfloat16), 0)
    _, tokens = joined(batch, 0)
    with _no_memory_left():
        hoard = _hoarded()
        (drawn,) = batch.step()
        assert isinstance(drawn.error, GenerationError)
        assert "is used up" in str(drawn.error)
        del hoard
    for _ in range(STEPS):
        (drawn,) = batch.step()
        tokens.append(drawn.token)
    assert tokens == alone


@contextmanager
def _no_memory_left() -> Iterator[None]:
    """Nothing can be taken from the GPU inside."""
    torch.cuda.synchronize()
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(CUDA).total_memory
    torch.cuda.set_per_process_memory_fraction(torch.cuda.memory_reserved() / total)
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)


def _hoarded() -> list[torch.Tensor]:
    """All that torch has in reserve."""
    hoard = []
    for size in (1 << 20, 1 << 16, 1 << 12, 512):
        try:
            while True:
                hoard.append(torch.empty(size, dtype=torch.uint8, device=CUDA))
        except torch.OutOfMemoryError:
            continue
    return hoard


def test_closing_gives_the_memory_back() -> None:
    before = _allocated()
    for _ in range(2):
        with looping(ModelOnCuda()) as loop:
            loop.warm_up()
            spoken(loop, asked())
        del loop
    assert _allocated() <= before + WORKSPACES


def _allocated() -> int:
    gc.collect()
    return torch.cuda.memory_allocated()
