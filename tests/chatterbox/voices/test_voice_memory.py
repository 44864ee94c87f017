"""Voices' memories: right ones, once computed, bounded."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from unittest.mock import patch

import pytest
import torch
from tts_hub_chatterbox.nets.flow import Flow
from tts_hub_chatterbox.voices.voice_memory import VoiceMemories, VoiceMemory, cut_prompt

from tests.chatterbox.small_nets import small_nets, some_voice

STEPS = 2


@pytest.fixture(scope="module")
def flow() -> Flow:
    return small_nets().flow


def test_memory_knows_its_size(flow: Flow) -> None:
    memory = VoiceMemory.of(flow, some_voice(tokens=30), STEPS)
    # 60 frames x 3 blocks of one layer x keys and values of 2 heads x 8; 9 edges of 2 frames
    edges = 2 * (320 + 16 + 16 + 2 * 16 + 32 + 16 + 16 + 16)
    estimator = STEPS * 4 * (60 * 3 * 2 * 16 + edges)
    # 27 tokens and 54 frames x one layer; 2 edges of 2 tokens; the last 3 tokens look ahead
    encoder = 4 * ((27 + 54) * 2 * 16 + 2 * 2 * 16)
    assert memory.nbytes == estimator + encoder


def test_memory_is_of_the_weights_type(flow: Flow) -> None:
    coarse = small_nets().flow.bfloat16()
    assert (
        2 * VoiceMemory.of(coarse, some_voice(), STEPS).nbytes
        == VoiceMemory.of(flow, some_voice(), STEPS).nbytes
    )


def test_voice_is_always_remembered_alike(flow: Flow) -> None:
    first, second = (VoiceMemory.of(flow, some_voice(), STEPS) for _ in range(2))
    assert torch.equal(first.flow.steps[1].keys[2], second.flow.steps[1].keys[2])


def test_computed_once_for_threads_that_ask_at_once(flow: Flow) -> None:
    memories = VoiceMemories(flow)
    with (
        patch.object(VoiceMemory, "of", side_effect=VoiceMemory.of) as computed,
        ThreadPoolExecutor(8) as threads,
    ):
        found = list(threads.map(lambda _: memories.get(some_voice(), STEPS), range(16)))
    assert computed.call_count == 1
    assert all(one is found[0] for one in found)


@pytest.mark.parametrize("field", ["flow_prompt", "flow_mel", "xvector"])
def test_another_content_is_another_memory(flow: Flow, field: str) -> None:
    memories, voice = VoiceMemories(flow), some_voice()
    other = replace(voice, **{field: getattr(some_voice(2), field)})
    assert memories.get(voice, STEPS) is not memories.get(other, STEPS)


def test_another_number_of_steps_is_another_memory(flow: Flow) -> None:
    memories = VoiceMemories(flow)
    assert [len(memories.get(some_voice(), steps).flow.steps) for steps in (1, 2)] == [1, 2]


def test_what_was_not_used_for_longest_is_forgotten(flow: Flow) -> None:
    size = VoiceMemory.of(flow, some_voice(), STEPS).nbytes
    memories = VoiceMemories(flow, most_bytes=2 * size)
    first, second = (memories.get(some_voice(seed), STEPS) for seed in (1, 2))
    assert memories.get(some_voice(1), STEPS) is first
    memories.get(some_voice(3), STEPS)
    assert memories.nbytes == 2 * size
    assert memories.get(some_voice(1), STEPS) is first
    assert memories.get(some_voice(2), STEPS) is not second


def test_one_that_is_too_large_is_given_and_not_kept(flow: Flow) -> None:
    memories = VoiceMemories(flow, most_bytes=1000)
    assert memories.get(some_voice(), STEPS).nbytes > 1000
    assert memories.nbytes == 0


def test_cleared_memories_are_computed_again(flow: Flow) -> None:
    memories = VoiceMemories(flow)
    first = memories.get(some_voice(), STEPS)
    memories.clear()
    assert memories.nbytes == 0
    assert memories.get(some_voice(), STEPS) is not first


def test_shorter_prompt_has_the_clips_beginning_and_whole_tokens() -> None:
    voice = some_voice(tokens=30, more_frames=1)
    shorter = cut_prompt(voice, 0.5)
    assert torch.equal(shorter.flow_prompt, voice.flow_prompt[:, :12])
    assert torch.equal(shorter.flow_mel, voice.flow_mel[:, :24])
    assert torch.equal(shorter.t3_prompt, voice.t3_prompt)


@pytest.mark.parametrize("seconds", [1.2, 10.0])
def test_prompt_that_is_no_longer_stays_as_it_is(seconds: float) -> None:
    voice = some_voice(tokens=30, more_frames=1)
    assert cut_prompt(voice, seconds) is voice


def test_one_token_of_the_prompt_stays() -> None:
    assert cut_prompt(some_voice(), 0.001).flow_prompt.shape == (1, 1)
