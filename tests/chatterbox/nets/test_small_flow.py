"""The flow's promises to callers, on a tiny configuration; numbers are compared in test_flow.py."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from tts_hub_chatterbox.nets.conformer import ConformerConfig
from tts_hub_chatterbox.nets.estimator import EstimatorConfig
from tts_hub_chatterbox.nets.flow import Flow, FlowConfig, FlowMemory, FlowPast
from tts_hub_chatterbox.nets.past import Memory, Past

from tests.chatterbox.blindness import blind_to_what_follows
from tests.chatterbox.random_weights import fill_randomly

TINY = FlowConfig(
    tokens=50,
    speaker_width=6,
    encoder=ConformerConfig(
        width=16, heads=2, hidden_width=32, token_layers=1, frame_layers=1, table_length=64
    ),
    estimator=EstimatorConfig(
        mel_bins=4, width=16, time_width=24, mid_blocks=1, layers=1, heads=2, head_width=8, hidden_width=32
    ),
)
AHEAD = 3
"""Tokens."""


@pytest.fixture(scope="module")
def flow() -> Flow:
    flow = Flow(TINY).requires_grad_(requires_grad=False)
    constants = {name: buffer.clone() for name, buffer in flow.named_buffers()}
    fill_randomly(flow, 1)
    for name, buffer in flow.named_buffers():
        buffer.copy_(constants[name])
    return flow


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def some_tokens(seed: int, *shape: int) -> Tensor:
    return torch.randint(50, shape, generator=torch.Generator().manual_seed(seed))


PROMPT, PROMPT_MEL, XVECTOR = some_tokens(1, 1, 5), normal(2, 1, 10, 4), normal(3, 1, 6)
VOICE = PROMPT, PROMPT_MEL, XVECTOR


def test_rows_share_one_voice(flow: Flow) -> None:
    tokens, noise = some_tokens(4, 3, 7), normal(5, 3, 4, 24)
    mel = flow(tokens, *VOICE, noise)
    assert mel.shape == (3, 4, 14)
    for row in range(3):
        alone = flow(tokens[row : row + 1], *VOICE, noise[row : row + 1])
        torch.testing.assert_close(mel[row : row + 1], alone)


def test_rows_of_unlike_length_do_not_touch(flow: Flow) -> None:
    tokens, noise = some_tokens(6, 2, 7), normal(7, 2, 4, 24)
    mel = flow(tokens, *VOICE, noise, lengths=torch.tensor([7, 2]))
    torch.testing.assert_close(mel[1:, :, :4], flow(tokens[1:, :2], *VOICE, noise[1:, :, :14]))
    assert not mel[1, :, 4:].any()


def test_without_a_prompt(flow: Flow) -> None:
    tokens, noise = some_tokens(8, 1, 4), normal(9, 1, 4, 8)
    assert flow(tokens, PROMPT[:, :0], PROMPT_MEL[:, :0], XVECTOR, noise).shape == (1, 4, 8)


def test_tokens_that_look_ahead_are_encoded_as_when_all_are_there(flow: Flow) -> None:
    tokens = some_tokens(10, 1, 9)
    whole, _ = flow.encode(tokens, None, final=True)
    cut, _ = flow.encode(tokens, None, final=False)
    assert torch.equal(cut, whole[:, : -2 * AHEAD])


def test_frames_before_the_end_are_the_flow_along_the_cut_features(flow: Flow) -> None:
    tokens, noise = some_tokens(11, 1, 8), normal(12, 1, 4, 26)
    encoded, _ = flow.encode(torch.cat((PROMPT, tokens), dim=1), None, final=True)
    frames = 26 - 2 * AHEAD
    condition = flow.condition(encoded[:, :frames], XVECTOR, PROMPT_MEL)
    by_hand = flow.integrate(noise[:, :, :frames].transpose(1, 2), condition, None, steps=2)
    mel = flow(tokens, *VOICE, noise, final=False)
    torch.testing.assert_close(mel, by_hand[:, 10:].transpose(1, 2))


@pytest.mark.parametrize("tokens", [1, AHEAD])
def test_no_frame_is_ready_while_all_tokens_look_ahead(flow: Flow, tokens: int) -> None:
    noise = normal(13, 1, 4, 2 * (5 + tokens))
    assert flow(some_tokens(14, 1, tokens), *VOICE, noise, final=False).shape == (1, 4, 0)


def test_a_short_row_among_long_ones_has_no_frame_ready(flow: Flow) -> None:
    tokens, noise = some_tokens(15, 2, 8), normal(16, 2, 4, 26)
    mel = flow(tokens, *VOICE, noise, lengths=torch.tensor([8, 2]), final=False)
    torch.testing.assert_close(mel[:1], flow(tokens[:1], *VOICE, noise[:1], final=False))
    assert not mel[1].any()


def test_noise_decides_and_no_other_chance(flow: Flow) -> None:
    tokens, noise, state = some_tokens(17, 1, 6), normal(18, 1, 4, 22), torch.get_rng_state()
    mel = flow(tokens, *VOICE, noise)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(flow(tokens, *VOICE, noise), mel)
    assert not torch.allclose(flow(tokens, *VOICE, normal(19, 1, 4, 22)), mel)


def test_length_of_the_speakers_vector_does_not_matter(flow: Flow) -> None:
    tokens, noise = some_tokens(20, 1, 6), normal(21, 1, 4, 22)
    louder = flow(tokens, PROMPT, PROMPT_MEL, 7 * XVECTOR, noise)
    torch.testing.assert_close(louder, flow(tokens, *VOICE, noise))


def test_mel_is_float32_whatever_the_weights_are(flow: Flow) -> None:
    tokens, noise = some_tokens(22, 1, 6), normal(23, 1, 4, 22)
    coarse = Flow(TINY).requires_grad_(requires_grad=False)
    weights = {name: weight.bfloat16() for name, weight in flow.state_dict().items()}
    coarse.load_state_dict(weights, assign=True)
    mel = coarse(tokens, *VOICE, noise)
    assert mel.dtype == torch.float32
    torch.testing.assert_close(mel, flow(tokens, *VOICE, noise), atol=0.2, rtol=0.1)


def test_noise_drawn_in_pieces_is_that_of_one_draw() -> None:
    flow = Flow(FlowConfig(encoder=TINY.encoder))  # 80 bins, as published
    generator = torch.Generator().manual_seed(25)
    pieces = [flow.draw_noise(frames, generator) for frames in (500, 2, 1, 24, 0, 173)]
    whole = flow.draw_noise(700, torch.Generator().manual_seed(25))
    assert torch.equal(torch.cat(pieces, dim=2), whole)


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_remembered_frames_are_those_that_are_blind_to_what_follows(flow: Flow, steps: int) -> None:
    noise, condition = normal(26, 1, 24, 4), normal(27, 1, 24, 12)
    with blind_to_what_follows(24, 10):
        whole = flow.integrate(noise, condition, None, steps=steps)
    first = [Past() for _ in range(steps)]
    known = flow.integrate(noise[:, :10], condition[:, :10], None, steps=steps, pasts=first)
    then = [Past(past.memory()) for past in first]
    new = flow.integrate(noise[:, 10:], condition[:, 10:], None, steps=steps, pasts=then)
    torch.testing.assert_close(torch.cat((known, new), dim=1), whole, rtol=1e-5, atol=1e-5)


def test_memories_of_several_pieces_join(flow: Flow) -> None:
    noise, condition, borders = normal(28, 1, 24, 4), normal(29, 1, 24, 12), (10, 15, 16)
    with blind_to_what_follows(24, *borders):
        whole = flow.integrate(noise, condition, None, steps=1)
    voice: Memory | None = None
    speech: Memory | None = None
    pieces = []
    for start, end in zip((0, *borders), (*borders, 24), strict=True):
        past = Past(*(memory for memory in (voice, speech) if memory is not None))
        piece = slice(start, end)
        pieces.append(flow.integrate(noise[:, piece], condition[:, piece], None, steps=1, pasts=[past]))
        if voice is None:
            voice = past.memory()
        else:
            speech = past.memory().after(speech, most=14)
    torch.testing.assert_close(torch.cat(pieces, dim=1), whole, rtol=1e-5, atol=1e-5)


def test_memory_keeps_the_latest_frames(flow: Flow) -> None:
    earlier, later = Past(), Past()
    for past, frames in ((earlier, 6), (later, 3)):
        flow.integrate(normal(30, 1, frames, 4), normal(31, 1, frames, 12), None, steps=1, pasts=[past])
    joined = later.memory().after(earlier.memory(), most=5)
    assert joined.frames == 5
    torch.testing.assert_close(joined.keys[0][:, :, :2], earlier.memory().keys[0][:, :, 4:])
    torch.testing.assert_close(joined.values[-1][:, :, 2:], later.memory().values[-1])
    assert later.memory().after(None, most=2).frames == 2
    assert later.memory().after(None, most=0).frames == 0


def test_rows_share_the_memory_of_one_voice(flow: Flow) -> None:
    noise, condition = normal(32, 2, 9, 4), normal(33, 2, 9, 12)
    (memory,) = flow.remember(*VOICE, normal(34, 1, 4, 10), steps=1).steps
    mask = torch.ones(2, 9, dtype=torch.bool)
    mask[1, 5:] = False
    both = flow.integrate(noise, condition, mask, steps=1, pasts=[Past(memory)])
    for row, frames in ((0, 9), (1, 5)):
        alone = flow.integrate(
            noise[row : row + 1, :frames],
            condition[row : row + 1, :frames],
            None,
            steps=1,
            pasts=[Past(memory)],
        )
        torch.testing.assert_close(both[row : row + 1, :frames], alone)


def test_prompt_is_remembered_as_the_flow_has_it_when_nothing_follows(flow: Flow) -> None:
    noise = normal(35, 1, 4, 10)
    with blind_to_what_follows(5, 5 - AHEAD):
        encoded, _ = flow.encode(PROMPT, None, final=True)
    pasts = [Past(), Past()]
    condition = flow.condition(encoded, XVECTOR, PROMPT_MEL)
    flow.integrate(noise.transpose(1, 2), condition, None, steps=2, pasts=pasts)
    memories = flow.remember(*VOICE, noise).steps
    assert [memory.frames for memory in memories] == [10, 10]
    for memory, past in zip(memories, pasts, strict=True):
        for ours, theirs in zip(
            memory.keys + memory.edges, past.memory().keys + past.memory().edges, strict=True
        ):
            torch.testing.assert_close(ours, theirs)


def test_last_tokens_of_the_prompt_look_ahead_to_the_speech(flow: Flow) -> None:
    memory, tokens = flow.remember(*VOICE, normal(40, 1, 4, 10)), some_tokens(41, 1, 7)
    assert memory.tokens.frames == 5 - AHEAD
    row = torch.cat((PROMPT, tokens), dim=1)
    encoded = flow.encode_after(row[:, 5 - AHEAD :], FlowPast.after(memory, steps=2), final=True)
    with blind_to_what_follows(12, 5 - AHEAD):
        whole, _ = flow.encode(row, None, final=True)
    torch.testing.assert_close(encoded, whole[:, 2 * (5 - AHEAD) :], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("tokens", [1, AHEAD])
def test_prompt_that_is_too_short_to_look_ahead_is_remembered_whole(flow: Flow, tokens: int) -> None:
    prompt, mel = PROMPT[:, :tokens], PROMPT_MEL[:, : 2 * tokens]
    memory = flow.remember(prompt, mel, XVECTOR, normal(42, 1, 4, 2 * tokens))
    assert memory.tokens.frames == tokens
    assert memory.steps[0].frames == 2 * tokens


def test_remembered_features_are_those_that_are_blind_to_what_follows(flow: Flow) -> None:
    tokens, past = some_tokens(36, 1, 14), FlowPast.after(steps=0)
    known = flow.encode_after(tokens[:, : 6 + AHEAD], past, final=False)
    new = flow.encode_after(tokens[:, 6:], FlowPast.after(past.memory(), steps=0), final=True)
    with blind_to_what_follows(14, 6):
        whole, _ = flow.encode(tokens, None, final=True)
    assert known.shape == (1, 12, 4)
    torch.testing.assert_close(torch.cat((known, new), dim=1), whole, rtol=1e-5, atol=1e-5)


def test_memory_keeps_the_latest_tokens_and_their_frames(flow: Flow) -> None:
    memory: FlowMemory | None = None
    for seed, count in ((37, 6), (38, 3)):
        past = FlowPast.after(steps=2)
        encoded = flow.encode_after(some_tokens(seed, 1, count), past, final=True)
        condition = flow.condition(encoded, XVECTOR, PROMPT_MEL[:, :0])
        flow.integrate(normal(39, 1, 2 * count, 4), condition, None, steps=2, pasts=past.steps)
        memory = past.memory().after(memory, 4)
    assert memory is not None
    assert memory.tokens.frames == 4
    assert [part.frames for part in (memory.frames, *memory.steps)] == [8, 8, 8]
