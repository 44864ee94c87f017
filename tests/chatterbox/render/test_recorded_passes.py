"""Passes of the flow over padded rows beside those over rows as they are."""

from __future__ import annotations

from unittest.mock import patch

import pytest
import torch
from tts_hub_chatterbox.nets.flow import Flow
from tts_hub_chatterbox.render.mel_stream import MelStream
from tts_hub_chatterbox.render.recorded_passes import LONGEST, PADDED_TO, RecordedPasses
from tts_hub_chatterbox.seeds import generator_for

from tests.chatterbox.parity import relative_error
from tests.chatterbox.small_nets import small_nets, some_tokens, some_voice

TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def flow() -> Flow:
    return small_nets().flow


@pytest.fixture(scope="module")
def passes(flow: Flow) -> RecordedPasses:
    return RecordedPasses(flow, 2)


@torch.inference_mode()
@pytest.mark.parametrize("final", [True, False])
@pytest.mark.parametrize("more_frames", [0, 1])
@pytest.mark.parametrize("count", [200, PADDED_TO - 30, 5])
def test_a_padded_row_gives_what_the_row_gives(
    flow: Flow, passes: RecordedPasses, count: int, more_frames: int, *, final: bool
) -> None:
    voice = some_voice(count, more_frames=more_frames)
    tokens = torch.tensor([some_tokens(count, count)])
    noise = flow.draw_noise(2 * (30 + count), generator_for(count, 0, "flow"))
    whole = flow(tokens, voice.flow_prompt, voice.flow_mel, voice.xvector, noise, final=final, steps=2)
    mel = passes(
        torch.cat((voice.flow_prompt, tokens), dim=1),
        voice.xvector,
        voice.flow_mel,
        noise.transpose(1, 2),
        final=final,
    )
    assert relative_error(mel[:, voice.flow_mel.shape[1] :].transpose(1, 2), whole) < TOLERANCE


@torch.inference_mode()
def test_a_stream_of_recorded_passes_gives_what_others_give(flow: Flow, passes: RecordedPasses) -> None:
    recorded, plain = (
        MelStream(
            flow,
            some_voice(),
            generator_for(1, 0, "flow"),
            steps=2,
            context=20,
            memories=None,
            keeps_speech=False,
            passes=which,
        )
        for which in (passes, None)
    )
    for part, final in enumerate((False, False, True)):
        for stream in (recorded, plain):
            stream.push(some_tokens(part, 30))
        assert relative_error(recorded.advance(final=final), plain.advance(final=final)) < TOLERANCE


@torch.inference_mode()
def test_what_is_longer_than_any_padded_row_is_passed_as_it_is(flow: Flow, passes: RecordedPasses) -> None:
    stream = MelStream(
        flow,
        some_voice(),
        generator_for(1, 0, "flow"),
        steps=2,
        context=20,
        memories=None,
        keeps_speech=False,
        passes=passes,
    )
    stream.push(some_tokens(1, LONGEST))
    with patch.object(RecordedPasses, "_pass_over", side_effect=AssertionError):
        assert stream.advance(final=True).shape == (1, 80, 2 * LONGEST)
