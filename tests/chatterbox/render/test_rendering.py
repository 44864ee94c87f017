"""Speech in passes beside speech at once, on small nets."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pytest
import torch
from torch import Tensor
from tts_hub_chatterbox.nets.t3 import STOP_SPEECH
from tts_hub_chatterbox.nets.units import CLOSING_SILENCE, SAMPLE_RATE, SILENCE
from tts_hub_chatterbox.nets.vocoder import Vocoder, fade_in
from tts_hub_chatterbox.render.rendering import Rendering, RenderOptions, tokens_needed
from tts_hub_chatterbox.render.watermark import Watermarker
from tts_hub_chatterbox.seeds import generator_for
from tts_hub_chatterbox.voices.conditioning import Conditioning
from tts_hub_chatterbox.voices.voice_memory import VoiceMemories, _digest

from tests.chatterbox.blindness import blind_to_what_follows
from tests.chatterbox.small_nets import VOCODER, SmallNets, small_nets, some_tokens, some_voice
from tts_hub.errors import ConfigError
from tts_hub.quality.scores.clicks import worst_click
from tts_hub.types import Samples

SAMPLES_PER_TOKEN = 960
EXACT = RenderOptions(context_tokens=10)
REMEMBERED = RenderOptions(context_tokens=10, prompt="remembered")
ALL_REMEMBERED = RenderOptions(context_tokens=10, prompt="remembered", context="remembered")
WAYS = {"exact": EXACT, "prompt remembered": REMEMBERED, "all remembered": ALL_REMEMBERED}
each_way = pytest.mark.parametrize("options", WAYS.values(), ids=WAYS)


@pytest.fixture(scope="module")
def nets() -> SmallNets:
    return small_nets()


@pytest.fixture(scope="module")
def watermarker() -> Watermarker:
    return Watermarker.load()


def rendering(
    nets: SmallNets,
    options: RenderOptions = EXACT,
    voice: Conditioning | None = None,
    watermarker: Watermarker | None = None,
) -> Rendering:
    return Rendering(
        nets,
        voice or some_voice(),
        flow_generator=generator_for(1, 0, "flow"),
        source_generator=generator_for(1, 0, "source"),
        watermarker=watermarker,
        options=options,
        memories=VoiceMemories(nets.flow),
    )


def rendered(one: Rendering, pieces: Sequence[Sequence[int]]) -> list[Samples]:
    """The samples after each piece."""
    given = []
    for index, piece in enumerate(pieces, 1):
        one.push(piece)
        given.append(one.render(final=index == len(pieces)))
    return given


def cut(tokens: Sequence[int], *sizes: int) -> Iterator[Sequence[int]]:
    start = 0
    for size in sizes:
        yield tokens[start : start + size]
        start += size
    yield tokens[start:]


@torch.inference_mode()
def at_once(
    nets: SmallNets, tokens: Sequence[int], voice: Conditioning, marker: Watermarker | None
) -> Samples:
    """The samples by direct calls of the nets."""
    sounds = [*tokens, *CLOSING_SILENCE * [SILENCE]]
    frames = 2 * (voice.flow_prompt.shape[1] + len(sounds))
    noise = nets.flow.draw_noise(frames, generator_for(1, 0, "flow"))
    mel = nets.flow(torch.tensor([sounds]), voice.flow_prompt, voice.flow_mel, voice.xvector, noise)
    chance, source = generator_for(1, 0, "source"), nets.vocoder.source
    sound, _ = nets.vocoder(mel, source.draw_phases(chance), source.draw_noise(mel.shape[2], chance))
    samples: Samples = fade_in(sound, SAMPLE_RATE)[0].numpy()
    if marker is not None:
        samples = marker.apply(samples, SAMPLE_RATE)
    return np.clip(samples, -1, 1)


@pytest.mark.parametrize("marks", [False, True])
@pytest.mark.parametrize("more_frames", [0, 1])
def test_one_pass_over_all_is_speech_at_once(
    nets: SmallNets, watermarker: Watermarker, more_frames: int, marks: bool
) -> None:
    tokens, voice, marker = some_tokens(2, 40), some_voice(more_frames=more_frames), watermarker
    (samples,) = rendered(rendering(nets, EXACT, voice, marker if marks else None), [tokens])
    expected = at_once(nets, tokens, voice, marker if marks else None)
    np.testing.assert_allclose(samples, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("more_frames", [0, 1])
@each_way
def test_length_does_not_depend_on_the_passes(
    nets: SmallNets, watermarker: Watermarker, options: RenderOptions, more_frames: int
) -> None:
    tokens, chance = some_tokens(3, 70), random.Random(4)
    voice = some_voice(more_frames=more_frames)
    for _ in range(4):
        sizes = [chance.randint(0, 30) for _ in range(chance.randint(1, 8))]
        pieces = rendered(rendering(nets, options, voice, watermarker), list(cut(tokens, *sizes)))
        length = (len(tokens) + CLOSING_SILENCE) * SAMPLES_PER_TOKEN - more_frames * SAMPLES_PER_TOKEN // 2
        assert sum(map(len, pieces)) == length


def mel_of(one: Rendering, pieces: Sequence[Sequence[int]]) -> Tensor:
    """The stitched mel (1, 80, F): what the vocoder is given."""
    frames, push = [], one._vocoder.push

    def overhear(mel: Tensor, *, final: bool) -> Tensor:
        frames.append(mel)
        return push(mel, final=final)

    one._vocoder.push = overhear  # type: ignore[method-assign]
    rendered(one, pieces)
    return torch.cat(frames, dim=2)


@each_way
def test_a_frame_starts_from_the_same_noise_in_every_pass(options: RenderOptions) -> None:
    still = small_nets()
    for parameter in still.flow.estimator.output.parameters():
        parameter.zero_()  # nothing moves: the mel is the noise
    tokens, voice = some_tokens(6, 50), some_voice()
    noise = still.flow.draw_noise(2 * (30 + 50 + CLOSING_SILENCE), generator_for(1, 0, "flow"))
    mel = mel_of(rendering(still, options, voice), list(cut(tokens, 7, 16, 5, 9)))
    assert torch.equal(mel, noise[:, :, 60:])


@torch.inference_mode()
def test_all_remembered_is_the_flow_blind_to_what_follows(nets: SmallNets) -> None:
    flow, voice, tokens, ends = nets.flow, some_voice(), some_tokens(17, 50), (34, 50, 55, 64)
    options = replace(ALL_REMEMBERED, context_tokens=100)
    mel = mel_of(rendering(nets, options, voice), list(cut(tokens, 7, 16, 5, 9)))
    sounds = torch.tensor([[*tokens, *CLOSING_SILENCE * [SILENCE]]])
    with blind_to_what_follows(30, 27):
        prompt, _ = flow.encode(voice.flow_prompt, None, final=True)
    with blind_to_what_follows(83, 27, *ends):
        encoded, _ = flow.encode(torch.cat((voice.flow_prompt, sounds), dim=1), None, final=True)
    condition = flow.condition(torch.cat((prompt, encoded[:, 60:]), dim=1), voice.xvector, voice.flow_mel)
    noise = flow.draw_noise(2 * 83, generator_for(1, 0, "flow"))
    noise[:, :, :60] = flow.draw_noise(60, generator_for(int(_digest(voice)[:15], 16), 0, "prompt"))
    with blind_to_what_follows(83, 30, *ends):
        whole = flow.integrate(noise.transpose(1, 2), condition, None, steps=2)
    torch.testing.assert_close(mel, whole[:, 60:].transpose(1, 2), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "lengths"),
    [
        (EXACT, [30 + 20, 30 + 10 + 15, 30 + 10 + 8 + 3]),
        (REMEMBERED, [30, 3, 3 + 20, 3 + 10 + 15, 3 + 10 + 8 + 3]),
        (ALL_REMEMBERED, [30, 3, 3 + 20, 15, 8 + 3]),
    ],
    ids=WAYS,
)
def test_what_is_remembered_is_not_encoded_again(
    nets: SmallNets, options: RenderOptions, lengths: list[int]
) -> None:
    encoded, embed = [], nets.flow.embedding.forward

    def overhear(tokens: Tensor) -> Tensor:
        encoded.append(tokens.shape[1])
        return embed(tokens)

    with patch.object(nets.flow.embedding, "forward", overhear):
        rendered(rendering(nets, options), list(cut(some_tokens(18, 37), 20, 12)))
    assert encoded == lengths


@each_way
def test_samples_are_those_of_one_pass_over_the_stitched_mel(nets: SmallNets, options: RenderOptions) -> None:
    tokens, sizes = some_tokens(7, 60), (13, 8, 21, 6)
    mel = mel_of(rendering(nets, options), list(cut(tokens, *sizes)))
    pieces = rendered(rendering(nets, options), list(cut(tokens, *sizes)))
    chance, source = generator_for(1, 0, "source"), nets.vocoder.source
    with torch.inference_mode():
        sound, _ = nets.vocoder(mel, source.draw_phases(chance), source.draw_noise(mel.shape[2], chance))
    assert sum(len(piece) > 0 for piece in pieces) > 2
    np.testing.assert_allclose(np.concatenate(pieces), fade_in(sound, SAMPLE_RATE)[0], rtol=0, atol=2e-5)


@each_way
def test_mark_in_pieces_is_found(nets: SmallNets, watermarker: Watermarker, options: RenderOptions) -> None:
    pieces = list(cut(some_tokens(8, 75), 20, 15, 15))
    plain, marked = (
        np.concatenate(rendered(rendering(nets, options, None, marker), pieces))
        for marker in (None, watermarker)
    )
    assert watermarker.confidence(plain, SAMPLE_RATE) < 0.05
    assert watermarker.confidence(marked, SAMPLE_RATE) > 0.99


class Humming(Vocoder):
    """A vocoder whose samples are the source itself, with a pitch and a level that follow the mel."""

    def decode(self, mel: Tensor, source: Tensor, wanted: range | None = None) -> Tensor:
        loudness = torch.sigmoid(mel.mean(dim=1)).repeat_interleave(480, dim=1)  # (1, N)
        ramp = torch.nn.functional.avg_pool1d(loudness, 959, stride=1, padding=479)
        samples = ramp * source
        return samples if wanted is None else samples[:, wanted.start * 480 : wanted.stop * 480]


@pytest.fixture(scope="module")
def humming(nets: SmallNets) -> SmallNets:
    vocoder = Humming(replace(VOCODER, source=replace(VOCODER.source, voiced_noise=1e-5)))
    vocoder.load_state_dict(nets.vocoder.state_dict())
    torch.nn.init.ones_(vocoder.source.mix.weight)
    vocoder.f0.output.weight.data.mul_(0.1)
    return replace(nets, vocoder=vocoder.requires_grad_(requires_grad=False))


@each_way
def test_no_click_where_passes_meet(
    humming: SmallNets, watermarker: Watermarker, options: RenderOptions
) -> None:
    pieces = rendered(
        rendering(humming, options, None, watermarker), list(cut(some_tokens(9, 120), 25, 25, 50))
    )
    speech, seams = np.concatenate(pieces), np.cumsum([len(piece) for piece in pieces])[:-1]
    assert max(worst_click(speech, int(seam)) for seam in seams) < 6
    torn = np.concatenate((speech[: seams[1]], speech[seams[1] + 60 :]))
    assert worst_click(torn, int(seams[1])) > 6


@each_way
def test_memory_is_bounded_over_a_long_segment(
    nets: SmallNets, watermarker: Watermarker, options: RenderOptions
) -> None:
    one, sizes = rendering(nets, options, None, watermarker), []
    for index in range(30):
        one.push(some_tokens(index, 12))
        one.render(final=False)
        sizes.append(bytes_of(one._mels) + bytes_of(one._vocoder) + bytes_of(one._watermark))
    assert max(sizes[5:]) <= 1.01 * sizes[5]


def bytes_of(value: object) -> int:
    """Memory of the tensors, arrays and numbers that an object holds, or the values in it."""
    match value:
        case torch.nn.Module() | Watermarker():
            return 0
        case Tensor():
            return value.untyped_storage().nbytes()
        case np.ndarray():
            return value.base.nbytes if isinstance(value.base, np.ndarray) else value.nbytes
        case list() | tuple():
            return sum(map(bytes_of, value)) + 8 * len(value)
        case _:
            names = getattr(value, "__slots__", None) or getattr(value, "__dict__", {})
            return sum(bytes_of(getattr(value, name)) for name in names)


@each_way
def test_what_is_no_sound_is_left_out(nets: SmallNets, options: RenderOptions) -> None:
    tokens = some_tokens(10, 30)
    clean = rendered(rendering(nets, options), [tokens])
    mixed = rendered(rendering(nets, options), [[*tokens[:5], 6561, *tokens[5:], STOP_SPEECH]])
    assert np.array_equal(clean[0], mixed[0])


@each_way
def test_waiting_tokens_are_those_that_no_pass_has_covered(nets: SmallNets, options: RenderOptions) -> None:
    one = rendering(nets, options)
    one.push(some_tokens(11, 20))
    assert one.waiting == 20
    one.render(final=False)
    assert one.waiting == 3
    one.push(some_tokens(12, 4))
    assert one.waiting == 7
    one.render(final=True)
    assert one.waiting == 0


@each_way
def test_nothing_leaves_before_there_is_enough(nets: SmallNets, options: RenderOptions) -> None:
    one = rendering(nets, options)
    assert len(one.render(final=False)) == 0
    for token in some_tokens(13, 6):
        one.push([token])
        assert len(one.render(final=False)) == 0
    assert len(one.render(final=True)) == 9 * SAMPLES_PER_TOKEN


@pytest.mark.parametrize("seconds", [0.01, 0.1, 0.5])
@pytest.mark.parametrize("marks", [False, True])
def test_tokens_that_are_needed_are_enough_and_not_too_many(
    nets: SmallNets, watermarker: Watermarker, seconds: float, marks: bool
) -> None:
    marker = watermarker if marks else None
    count = tokens_needed(seconds, nets.flow, marker)
    for tokens, is_enough in ((count, True), (count - 1, False)):
        one = rendering(nets, EXACT, None, marker)
        one.push(some_tokens(14, tokens))
        assert (len(one.render(final=False)) >= seconds * SAMPLE_RATE) == is_enough


def test_weights_in_bfloat16_render_in_float32(nets: SmallNets) -> None:
    coarse = small_nets()
    coarse.flow.load_state_dict(
        {name: one.bfloat16() for name, one in nets.flow.state_dict().items()}, assign=True
    )
    pieces = list(cut(some_tokens(15, 40), 20))
    for options in WAYS.values():
        samples = np.concatenate(rendered(rendering(coarse, options), pieces))
        assert samples.dtype == np.float32
        assert np.isfinite(samples).all()


def test_shorter_prompt_is_that_of_a_voice_with_a_shorter_clip(nets: SmallNets) -> None:
    voice, tokens = some_voice(), some_tokens(16, 20)
    short = replace(voice, flow_prompt=voice.flow_prompt[:, :10], flow_mel=voice.flow_mel[:, :20])
    ours = rendered(rendering(nets, replace(EXACT, prompt_seconds=0.4), voice), [tokens])
    assert np.array_equal(ours[0], rendered(rendering(nets, EXACT, short), [tokens])[0])


@pytest.mark.parametrize(
    "wrong",
    [
        {"flow_steps": 0},
        {"context_tokens": -1},
        {"prompt_seconds": 0.0},
        {"prompt_seconds": 10.1},
        {"context": "remembered"},
    ],
)
def test_options_that_cannot_be_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        RenderOptions(**wrong)  # type: ignore[arg-type]


def test_remembering_without_memories_is_refused(nets: SmallNets) -> None:
    with pytest.raises(ConfigError, match="memories"):
        Rendering(
            nets,
            some_voice(),
            flow_generator=generator_for(1, 0, "flow"),
            source_generator=generator_for(1, 0, "source"),
            watermarker=None,
            options=REMEMBERED,
        )
