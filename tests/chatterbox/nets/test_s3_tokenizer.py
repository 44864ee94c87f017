"""The speech tokenizer against that of the published package."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from chatterbox.models.s3tokenizer import S3Tokenizer as ReferenceTokenizer
from torch import Tensor
from tts_hub_chatterbox.files import layouts
from tts_hub_chatterbox.nets.mels import s3_mel
from tts_hub_chatterbox.nets.s3_tokenizer import S3Tokenizer, S3TokenizerConfig

from tests.chatterbox.parity import TOLERANCE, Record, assert_close, load_from_reference
from tests.chatterbox.random_weights import fill_randomly
from tests.speechlike import speechlike
from tts_hub.errors import UsageError

SAMPLE_RATE = 16_000
TINY = S3TokenizerConfig(bands=6, width=16, heads=2, layers=2, memory=5, latents=3, longest=20)
BORDER = 0.5
"""The latent value at which the next level begins, up or down."""


@dataclass
class Nets:
    reference: Any
    ours: S3Tokenizer

    def reference_latents(self, mel: Tensor, lengths: Tensor) -> Tensor:
        """The values that the reference rounds."""
        with torch.inference_mode():
            hidden, _ = self.reference.encoder(mel, lengths)
            latents: Tensor = self.reference.quantizer._codebook.project_down(hidden).tanh()
            return latents * 0.9990000128746033


@pytest.fixture(scope="module")
def nets(tmp_path_factory: pytest.TempPathFactory) -> Nets:
    reference = ReferenceTokenizer("speech_tokenizer_v2_25hz").eval()
    tables = {name: tensor.clone() for name, tensor in reference.named_buffers()}
    fill_randomly(reference, 3)
    for name, tensor in reference.named_buffers():
        tensor.copy_(tables[name])
    # So weak that all three levels are used: values that are far beyond the last border would hide a mistake.
    reference.quantizer._codebook.project_down.weight.data *= 0.25
    folder: Path = tmp_path_factory.mktemp("s3")
    ours = load_from_reference(
        lambda: S3Tokenizer(S3TokenizerConfig()), reference, layouts.S3_TOKENIZER, folder
    )
    return Nets(reference, ours)


@pytest.fixture
def tiny() -> S3Tokenizer:
    net = S3Tokenizer(TINY).eval()
    fill_randomly(net, 1)
    return net.requires_grad_(requires_grad=False)


def clip(seconds: float, seed: int = 0) -> Tensor:
    return torch.from_numpy(speechlike(seconds, SAMPLE_RATE, seed))


def some_mel(frames: int, seed: int, bands: int = 128) -> Tensor:
    return torch.randn(1, bands, frames, generator=torch.Generator().manual_seed(seed))


def assert_same_tokens(ours: Tensor, reference: Tensor, latents: Tensor) -> None:
    """All ids equal, but where the reference itself is as near to a border as floats may differ."""
    assert ours.shape == reference.shape
    near = ((latents.abs() - BORDER).abs() < TOLERANCE).any(dim=-1)
    assert near.float().mean() < 0.05
    assert torch.equal(ours[~near], reference[~near])


@pytest.mark.parametrize("seconds", [0.513, 10.0])
def test_tokens(nets: Nets, seconds: float, record_property: Record) -> None:
    samples = clip(seconds)
    reference, _ = nets.reference([samples])
    mel = s3_mel(samples[None])
    latents = nets.reference_latents(
        nets.reference.log_mel_spectrogram(samples[None]), torch.tensor([mel.shape[2]])
    )
    assert_close(nets.ours.encode(mel)[0], latents, record_property)
    assert_same_tokens(nets.ours.tokenize(samples[None]), reference, latents)


def test_the_random_weights_use_all_levels(nets: Nets) -> None:
    latents, _ = nets.ours.encode(s3_mel(clip(4)[None]))
    shares = [(latents.round() == level).float().mean().item() for level in (-1, 0, 1)]
    assert min(shares) > 0.1
    assert len(set(nets.ours.quantise(latents)[0].tolist())) > 50


@pytest.mark.parametrize("longest", [1, 75, 150])
def test_so_many_tokens_and_no_more(nets: Nets, longest: int) -> None:
    samples = clip(4, seed=1)
    reference, _ = nets.reference([samples], max_len=longest)
    mel = nets.reference.log_mel_spectrogram(samples[None])[..., : 4 * longest]
    latents = nets.reference_latents(mel, torch.tensor([mel.shape[2]]))
    assert_same_tokens(nets.ours.tokenize(samples[None], longest=longest), reference, latents)


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 5, 6, 7, 8, 9])
def test_numbers_of_tokens(nets: Nets, frames: int) -> None:
    mel = some_mel(frames, seed=frames)
    tokens, numbers = nets.ours(mel)
    reference, reference_numbers = nets.reference.quantize(mel, torch.tensor([frames]))
    assert tokens.shape == reference.shape
    assert numbers.tolist() == reference_numbers.tolist() == [tokens.shape[1]]


def test_two_lengths_at_once(nets: Nets, record_property: Record) -> None:
    long, short = some_mel(203, seed=1), some_mel(90, seed=2)
    mel = torch.cat((long, torch.nn.functional.pad(short, (0, 113), value=3.0)))
    lengths = torch.tensor([203, 90])
    ours, numbers = nets.ours.encode(mel, lengths)
    reference = nets.reference_latents(mel, lengths)
    assert numbers.tolist() == [51, 23]
    assert_close(ours[0], reference[0], record_property)
    assert_close(ours[1, :23], reference[1, :23], record_property)


def test_a_row_of_a_batch_is_what_it_is_alone(tiny: S3Tokenizer) -> None:
    long, short = some_mel(61, seed=1, bands=TINY.bands), some_mel(30, seed=2, bands=TINY.bands)
    mel = torch.cat((long, torch.nn.functional.pad(short, (0, 31), value=3.0)))
    both, numbers = tiny.encode(mel, torch.tensor([61, 30]))
    assert numbers.tolist() == [16, 8]
    torch.testing.assert_close(both[:1], tiny.encode(long)[0])
    torch.testing.assert_close(both[1:, :8], tiny.encode(short)[0])


def test_digits_make_the_id(tiny: S3Tokenizer) -> None:
    latents = torch.tensor([[[-0.999, -0.51, -0.9], [0.4, -0.4, 0.0], [0.999, 0.51, 0.6], [0.9, 0.0, -0.9]]])
    assert tiny.quantise(latents).tolist() == [[0, 13, 26, 5]]


def test_ids_are_below_the_vocabulary(nets: Nets) -> None:
    extremes = torch.tensor([[[-0.999] * 8, [0.999] * 8]])
    assert nets.ours.quantise(extremes).tolist() == [[0, 6560]]


def test_a_clip_that_is_too_long_is_refused(tiny: S3Tokenizer) -> None:
    tiny.encode(torch.zeros(1, TINY.bands, 80))
    with pytest.raises(UsageError, match="80 mel frames, not 81"):
        tiny.encode(torch.zeros(1, TINY.bands, 81))
