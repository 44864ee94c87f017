"""Parity of the flow with the published package: random weights, full size, the official layout."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import pytest
import torch
from chatterbox.models.s3gen import s3gen
from torch import Tensor, nn
from tts_hub_chatterbox.files import layouts
from tts_hub_chatterbox.nets.flow import Flow, FlowConfig

from tests.chatterbox.parity import Record, assert_close, load_from_reference
from tests.chatterbox.random_weights import fill_randomly

AHEAD = 3
"""Tokens."""


@dataclass
class Nets:
    reference: Any
    ours: Flow


@pytest.fixture(scope="module")
def nets(tmp_path_factory: pytest.TempPathFactory) -> Nets:
    with (
        warnings.catch_warnings(),
        patch.object(s3gen, "S3Tokenizer", lambda *_: nn.Identity()),
        patch.object(s3gen, "CAMPPlus", lambda **_: nn.Identity()),
    ):
        warnings.simplefilter("ignore")
        reference = s3gen.S3Token2Mel(meanflow=True).eval()
    fill_randomly(reference, 11)
    ours = load_from_reference(
        lambda: Flow(FlowConfig()), reference.flow, layouts.FLOW, tmp_path_factory.mktemp("flow")
    )
    return Nets(reference.flow, ours)


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def some_tokens(seed: int, *shape: int) -> Tensor:
    return torch.randint(6561, shape, generator=torch.Generator().manual_seed(seed))


def assert_close_norms(norms: Sequence[tuple[Any, Any]], faint: Tensor, record: Record) -> None:
    ours, reference = (torch.stack([pair[side](faint) for pair in norms]) for side in (0, 1))
    assert_close(ours, reference, record)


@dataclass
class Voice:
    tokens: Tensor  # (1, Q)
    mel: Tensor  # (1, P, 80)
    xvector: Tensor  # (1, 192)


def voice(seed: int, tokens: int, more_frames: int = 0) -> Voice:
    mel = 2 * normal(seed + 1, 1, 2 * tokens + more_frames, 80) - 5
    return Voice(some_tokens(seed, 1, tokens), mel, 3 * normal(seed + 2, 1, 192))


def speak(nets: Nets, tokens: Tensor, who: Voice, noise: Tensor, **options: Any) -> Tensor:
    mel: Tensor = nets.ours(tokens, who.tokens, who.mel, who.xvector, noise, **options)
    return mel


def reference_speech(nets: Nets, tokens: Tensor, who: Voice, noise: Tensor, *, final: bool = True) -> Tensor:
    """The reference's mel, from our noise, and with its mask cut where it forgets that."""
    encode = nets.reference.encoder.forward

    def encode_and_cut(*arguments: Any) -> tuple[Tensor, Tensor]:
        features, masks = encode(*arguments)
        return features, masks if final else masks[..., : -2 * AHEAD]

    frames = noise.shape[2] - (0 if final else 2 * AHEAD)
    with (
        patch("torch.randn_like", lambda _: noise[..., :frames].clone()),
        patch.object(nets.reference.encoder, "forward", encode_and_cut),
    ):
        mel, _ = nets.reference.inference(
            token=tokens,
            token_len=torch.tensor([tokens.shape[1]]),
            prompt_token=who.tokens,
            prompt_token_len=torch.tensor([who.tokens.shape[1]]),
            prompt_feat=who.mel,
            prompt_feat_len=None,
            embedding=who.xvector,
            finalize=final,
            n_timesteps=2,
            meanflow=True,
        )
    return torch.as_tensor(mel)


@pytest.mark.parametrize("length", [1, 2, 137])
def test_encoder(nets: Nets, length: int, record_property: Record) -> None:
    x = normal(1, 1, length, 512)
    reference, _ = nets.reference.encoder(x, torch.tensor([length]))
    assert_close(nets.ours.encoder(x), reference, record_property)


def test_encoder_of_a_padded_batch_is_the_reference_of_each_row_alone(
    nets: Nets, record_property: Record
) -> None:
    x, mask = normal(2, 2, 60, 512), torch.ones(2, 60, dtype=torch.bool)
    mask[0, 41:] = False
    mask[1, :9] = False
    encoded = nets.ours.encoder(x, mask)
    first, _ = nets.reference.encoder(x[:1, :41], torch.tensor([41]))
    second, _ = nets.reference.encoder(x[1:, 9:], torch.tensor([51]))
    assert_close(encoded[:1, :82], first, record_property)
    assert_close(encoded[1:, 18:], second, record_property)


def test_norms_of_the_encoder_on_faint_signals(nets: Nets, record_property: Record) -> None:
    """Elsewhere the signals are too strong for a wrong epsilon to show."""
    theirs, ours = nets.reference.encoder, nets.ours.encoder
    of_inputs = [
        (ours.token_input.norm, theirs.embed.out[1]),
        (ours.frame_input.norm, theirs.up_embed.out[1]),
        (ours.norm, theirs.after_norm),
    ]
    of_layers = []
    their_layers, layers = [*theirs.encoders, *theirs.up_encoders], [*ours.token_layers, *ours.frame_layers]
    for their_layer, layer in zip(their_layers, layers, strict=True):
        of_layers += [
            (layer.attention_norm, their_layer.norm_mha),
            (layer.feed_forward_norm, their_layer.norm_ff),
        ]
    assert_close_norms(of_inputs, 1e-3 * normal(60, 1, 5, 512), record_property)
    assert_close_norms(of_layers, 1e-6 * normal(61, 1, 5, 512), record_property)


@dataclass
class Sources:
    """The inputs of the estimator as each side takes them."""

    mel: Tensor  # (B, F, 80)
    encoded: Tensor  # (B, F, 80)
    speaker: Tensor  # (B, 80)
    known: Tensor  # (B, F, 80)

    @property
    def condition(self) -> Tensor:
        speaker = self.speaker[:, None].expand_as(self.encoded)
        return torch.cat((self.encoded, speaker, self.known), dim=2)

    @property
    def for_reference(self) -> dict[str, Tensor]:
        return {
            "mu": self.encoded.transpose(1, 2),
            "spks": self.speaker,
            "cond": self.known.transpose(1, 2),
        }


def some_sources(seed: int, rows: int, frames: int) -> Sources:
    mel, encoded, known = (normal(seed + i, rows, frames, 80) for i in range(3))
    return Sources(mel, encoded, normal(seed + 3, rows, 80), known)


@pytest.mark.parametrize(("start", "end"), [(0.0, 0.5), (0.5, 1.0), (0.0, 1.0), (0.13, 0.2)])
def test_estimator(nets: Nets, start: float, end: float, record_property: Record) -> None:
    sources, t, r = some_sources(3, 1, 90), torch.tensor([start]), torch.tensor([end])
    reference = nets.reference.decoder.estimator(
        sources.mel.transpose(1, 2), torch.ones(1, 1, 90), t=t, r=r, **sources.for_reference
    )
    velocity = nets.ours.estimator(sources.mel, sources.condition, t, r)
    assert_close(velocity, reference.transpose(1, 2), record_property)


def test_estimator_with_a_mask_and_times_of_each_row(nets: Nets, record_property: Record) -> None:
    sources, t, r = some_sources(5, 2, 70), torch.tensor([0.0, 0.5]), torch.tensor([0.5, 0.75])
    mask = torch.ones(2, 70, dtype=torch.bool)
    mask[1, 33:] = False
    reference = nets.reference.decoder.estimator(
        sources.mel.transpose(1, 2), mask[:, None].float(), t=t, r=r, **sources.for_reference
    )
    velocity = nets.ours.estimator(sources.mel, sources.condition, t, r, mask)
    assert_close(velocity * mask[..., None], reference.transpose(1, 2), record_property)


def test_norms_of_the_estimator_on_faint_signals(nets: Nets, record_property: Record) -> None:
    theirs, ours = nets.reference.decoder.estimator, nets.ours.estimator
    their_blocks = [*theirs.down_blocks, *theirs.mid_blocks, *theirs.up_blocks]
    blocks = [ours.first_block, *ours.mid_blocks, ours.last_block]
    norms = [(ours.output_conv.norm, theirs.final_block.block[2])]
    for their_block, block in zip(their_blocks, blocks, strict=True):
        norms += [
            (block.conv1.norm, their_block[0].block1.block[2]),
            (block.conv2.norm, their_block[0].block2.block[2]),
        ]
        for their_layer, layer in zip(their_block[1], block.layers, strict=True):
            norms += [
                (layer.attention_norm, their_layer.norm1),
                (layer.feed_forward_norm, their_layer.norm3),
            ]
    assert_close_norms(norms, 1e-3 * normal(62, 1, 5, 256), record_property)


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_way_from_noise_to_mel(nets: Nets, steps: int, record_property: Record) -> None:
    sources = some_sources(7, 1, 50)
    with patch("torch.randn_like", lambda _: sources.mel.transpose(1, 2).clone()):
        reference, _ = nets.reference.decoder(
            mask=torch.ones(1, 1, 50), n_timesteps=steps, meanflow=True, **sources.for_reference
        )
    mel = nets.ours.integrate(sources.mel, sources.condition, None, steps=steps)
    assert_close(mel, reference.transpose(1, 2), record_property)


@pytest.mark.parametrize("more_frames", [0, 1])
def test_whole_flow(nets: Nets, more_frames: int, record_property: Record) -> None:
    who, tokens, noise = voice(20, 60, more_frames), some_tokens(21, 1, 45), normal(22, 1, 80, 210)
    reference = reference_speech(nets, tokens, who, noise)
    assert reference.shape == (1, 80, 90 - more_frames)
    assert_close(speak(nets, tokens, who, noise), reference, record_property)


def test_whole_flow_with_more_tokens_to_come(nets: Nets, record_property: Record) -> None:
    who, tokens, noise = voice(30, 40), some_tokens(31, 1, 25), normal(32, 1, 80, 130)
    reference = reference_speech(nets, tokens, who, noise, final=False)
    assert reference.shape == (1, 80, 2 * (25 - AHEAD))
    assert_close(speak(nets, tokens, who, noise, final=False), reference, record_property)


@pytest.mark.parametrize("final", [True, False])
def test_padded_batch_of_two_voices_is_the_reference_of_each_row_alone(
    nets: Nets, record_property: Record, final: bool
) -> None:
    one, other = voice(40, 30), voice(50, 21)
    tokens, noise = some_tokens(41, 2, 24), normal(42, 2, 80, 108)
    held_back = 0 if final else 2 * AHEAD
    mel = nets.ours(
        tokens,
        torch.cat((one.tokens, nn.functional.pad(other.tokens, (9, 0), value=77))),
        torch.cat((one.mel, nn.functional.pad(other.mel, (0, 0, 18, 0), value=5.0))),
        torch.cat((one.xvector, other.xvector)),
        noise,
        lengths=torch.tensor([16, 24]),
        prompt_lengths=torch.tensor([30, 21]),
        final=final,
    )
    assert mel.shape == (2, 80, 48 - held_back)
    end = 32 - held_back
    assert not mel[0, :, end:].any()
    first = reference_speech(nets, tokens[:1, :16], one, noise[:1, :, :92], final=final)
    second = reference_speech(nets, tokens[1:], other, noise[1:, :, 18:], final=final)
    assert_close(mel[:1, :, :end], first, record_property)
    assert_close(mel[1:], second, record_property)
