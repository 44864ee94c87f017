"""Parity of the vocoder with the published package: random weights, full size, the official layout."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import torch
from chatterbox.models.s3gen import s3gen
from safetensors.torch import save_file
from torch import Tensor, nn
from tts_hub_chatterbox.files import layouts
from tts_hub_chatterbox.files.weights import load_net
from tts_hub_chatterbox.nets.f0 import F0Config, F0Predictor
from tts_hub_chatterbox.nets.harmonics import HarmonicConfig, HarmonicSource
from tts_hub_chatterbox.nets.vocoder import Vocoder, fade_in
from tts_hub_chatterbox.nets.vocoder_stages import CONTEXT, VocoderConfig

from tests.chatterbox.parity import Record, assert_close
from tests.chatterbox.random_weights import fill_randomly

HOP = 480
HARMONICS = 9


@dataclass
class Nets:
    whole_reference: Any
    ours: Vocoder
    prepared: Vocoder

    def either(self, which: str) -> Vocoder:
        return self.prepared if which == "prepared" else self.ours

    @property
    def reference(self) -> Any:
        return self.whole_reference.mel2wav


def tame(vocoder: Any) -> None:
    """Bring random weights to where speech is: a pitch of 0 to 400 Hz, and magnitudes whose exp() is sane."""
    with torch.no_grad():
        vocoder.f0_predictor.classifier.weight.mul_(100)
        vocoder.f0_predictor.classifier.bias.fill_(120)
        vocoder.conv_post.parametrizations.weight.original0.mul_(0.1)
        vocoder.conv_post.bias[:9] -= 2.5


@pytest.fixture(scope="module")
def nets(tmp_path_factory: pytest.TempPathFactory) -> Nets:
    with (
        warnings.catch_warnings(),
        patch.object(s3gen, "S3Tokenizer", lambda *_: nn.Identity()),
        patch.object(s3gen, "CAMPPlus", lambda **_: nn.Identity()),
        patch.object(s3gen, "UpsampleConformerEncoder", lambda **_: nn.Identity()),
        patch.object(s3gen, "ConditionalDecoder", lambda **_: nn.Identity()),
        patch.object(s3gen, "CausalConditionalCFM", lambda **_: nn.Identity()),
        patch.object(s3gen, "CausalMaskedDiffWithXvec", lambda **_: nn.Identity()),
    ):
        warnings.simplefilter("ignore")
        reference = s3gen.S3Token2Wav(meanflow=True).eval()
    fill_randomly(reference.mel2wav, 12)
    tame(reference.mel2wav)
    file = Path(tmp_path_factory.mktemp("vocoder")) / "s3gen_meanflow.safetensors"
    save_file(reference.state_dict(), file)
    return Nets(reference, loaded(file), loaded(file).prepare())


def loaded(file: Path) -> Vocoder:
    with torch.device("meta"):
        net = Vocoder(VocoderConfig())
    load_net(net, file, layouts.VOCODER)
    return net


either = pytest.mark.parametrize("which", ["as it is", "prepared"])


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def some_mel(seed: int, frames: int, rows: int = 1) -> Tensor:
    """Smooth in time, as a voice is, and as loud as the flow's mels."""
    return nn.functional.avg_pool1d(6 * normal(seed, rows, 80, frames + 8), 9, stride=1) - 5


@dataclass
class Luck:
    """The random numbers of the source."""

    phases: Tensor  # (1, H)
    noise: Tensor  # (1, N, H)

    def rows(self, first: int, last: int) -> Luck:
        return Luck(self.phases[first:last], self.noise[first:last])


def luck(nets: Nets, seed: int, frames: int, rows: int = 1) -> Luck:
    generator = torch.Generator().manual_seed(seed)
    source = nets.ours.source
    drawn = [(source.draw_phases(generator), source.draw_noise(frames, generator)) for _ in range(rows)]
    return Luck(torch.cat([one for one, _ in drawn]), torch.cat([one for _, one in drawn]))


@contextmanager
def given(chance: Luck) -> Iterator[None]:
    """Inside, the reference draws what is given; the noise that it throws away is left alone."""

    def noise(like: Tensor) -> Tensor:
        return chance.noise.transpose(1, 2).clone() if like.shape[1] == HARMONICS else torch.zeros_like(like)

    with (
        patch("torch.distributions.Uniform.sample", lambda *_, **__: chance.phases[..., None].clone()),
        patch("torch.randn_like", noise),
    ):
        yield


def reference_source(nets: Nets, f0: Tensor, chance: Luck) -> Tensor:
    upsampled = nets.reference.f0_upsamp(f0[:, None]).transpose(1, 2)
    with given(chance), torch.no_grad():
        source, _, _ = nets.reference.m_source(upsampled)
    return torch.as_tensor(source[..., 0])


@pytest.mark.parametrize("frames", [1, 5, 200])
@torch.no_grad()
def test_f0(nets: Nets, frames: int, record_property: Record) -> None:
    mel = some_mel(1, frames)
    assert_close(nets.ours.f0(mel), nets.reference.f0_predictor(mel), record_property)


@torch.no_grad()
def test_random_f0_is_voiced_here_and_unvoiced_there(nets: Nets) -> None:
    f0 = nets.ours.f0(some_mel(1, 300))
    assert 5 < (f0 <= 10).sum() < 150
    assert f0.max() < 600


@torch.no_grad()
def test_source(nets: Nets, record_property: Record) -> None:
    f0, chance = 100 * normal(2, 2, 300).abs(), luck(nets, 3, 300, rows=2)
    f0[0, 7], f0[0, 8] = 10.0, 10.001
    ours, _ = nets.ours.source(f0, chance.phases, chance.noise)
    assert_close(ours, reference_source(nets, f0, chance), record_property)


@torch.no_grad()
def test_source_piece_by_piece_is_the_whole(nets: Nets) -> None:
    f0, chance = 100 * normal(4, 1, 300).abs(), luck(nets, 5, 300)
    whole, _ = nets.ours.source(f0, chance.phases, chance.noise)
    generator, pieces, cycles = torch.Generator().manual_seed(5), [], None
    phases = nets.ours.source.draw_phases(generator)
    for start, end in [(0, 1), (1, 50), (50, 300)]:
        noise = nets.ours.source.draw_noise(end - start, generator)
        piece, cycles = nets.ours.source(f0[:, start:end], phases, noise, cycles)
        pieces.append(piece)
    assert torch.equal(torch.cat(pieces, dim=1), whole)


def test_phases_are_spread_over_the_circle_and_leave_the_fundamental_alone(nets: Nets) -> None:
    phases = luck(nets, 6, 0, rows=2000).phases
    assert not phases[:, 0].any()
    assert phases[:, 1:].abs().max() <= torch.pi
    assert phases[:, 1:].mean().abs() < 0.05
    assert phases[:, 1:].std() == pytest.approx(torch.pi / 3**0.5, rel=0.02)


@torch.no_grad()
def test_spectrum_of_the_source(nets: Nets, record_property: Record) -> None:
    source = normal(7, 2, 4 * HOP)
    assert_close(nets.ours._analyse(source), torch.cat(nets.reference._stft(source), dim=1), record_property)


@torch.no_grad()
def test_samples_of_a_spectrum(nets: Nets, record_property: Record) -> None:
    spectrum = normal(8, 2, 18, 481)
    spectrum[:, :9] = 3 * spectrum[:, :9] - 6
    spectrum[0, 3, 100] = 6.0
    reference = nets.reference._istft(spectrum[:, :9].exp(), spectrum[:, 9:].sin()).clamp(-0.99, 0.99)
    assert reference.max() == pytest.approx(0.99)
    assert_close(nets.ours._synthesise(spectrum), reference, record_property)


@either
@pytest.mark.parametrize("frames", [1, 2, 40])
@torch.no_grad()
def test_samples_of_a_mel_and_a_source(nets: Nets, which: str, frames: int, record_property: Record) -> None:
    mel, source = some_mel(9, frames), 0.3 * normal(10, 1, frames * HOP)
    reference = nets.reference.decode(mel, source[:, None])
    assert (reference.abs() < 0.98).float().mean() > 0.95
    assert_close(nets.either(which).decode(mel, source), reference, record_property)


@either
@pytest.mark.parametrize("frames", [1, 100])
@torch.no_grad()
def test_whole_vocoder(nets: Nets, which: str, frames: int, record_property: Record) -> None:
    mel, chance = some_mel(11, frames), luck(nets, 12, frames)
    with given(chance):
        samples, source = nets.reference.inference(mel)
    ours, our_source = nets.either(which)(mel, chance.phases, chance.noise)
    assert ours.shape == (1, frames * HOP)
    assert_close(our_source, source[:, 0], record_property)
    assert_close(ours, samples, record_property)


@torch.no_grad()
def test_known_source_takes_the_place_of_the_beginning(nets: Nets, record_property: Record) -> None:
    mel, chance, known = some_mel(13, 8), luck(nets, 14, 8), 0.5 * normal(15, 1, 3 * HOP)
    with given(chance):
        samples, source = nets.reference.inference(mel, known[:, None])
    ours, our_source = nets.ours(mel, chance.phases, chance.noise, known)
    assert_close(our_source, source[:, 0], record_property)
    assert_close(ours, samples, record_property)


@either
@torch.no_grad()
def test_row_of_a_batch_is_the_reference_of_it_alone(nets: Nets, which: str, record_property: Record) -> None:
    mel, source = some_mel(16, 12, rows=2), 0.3 * normal(17, 2, 12 * HOP)
    f0, samples = nets.ours.f0(mel), nets.either(which).decode(mel, source)
    for row in range(2):
        alone = slice(row, row + 1)
        assert_close(f0[alone], nets.reference.f0_predictor(mel[alone]), record_property)
        assert_close(samples[alone], nets.reference.decode(mel[alone], source[alone, None]), record_property)


@either
@torch.no_grad()
def test_piece_with_context_is_as_in_the_whole(nets: Nets, which: str) -> None:
    ours, mel, source = nets.either(which), some_mel(18, 60), 0.3 * normal(19, 1, 60 * HOP)
    whole = ours.decode(mel, source)
    first, last = 20 - CONTEXT, 40 + CONTEXT
    piece = ours.decode(mel[..., first:last], source[:, first * HOP : last * HOP])
    inside = slice(20 * HOP, 40 * HOP)
    within = slice(CONTEXT * HOP, (CONTEXT + 20) * HOP)
    assert (piece[:, within] - whole[:, inside]).abs().max() < 1e-5


@either
@pytest.mark.parametrize("wanted", [range(60), range(3), range(20, 40), range(40, 41), range(57, 60)])
@torch.no_grad()
def test_wanted_frames_are_as_in_the_whole(nets: Nets, which: str, wanted: range) -> None:
    ours, mel, source = nets.either(which), some_mel(18, 60), 0.3 * normal(19, 1, 60 * HOP)
    whole, piece = ours.decode(mel, source), ours.decode(mel, source, wanted)
    expected = whole[:, wanted.start * HOP : wanted.stop * HOP]
    assert piece.shape == expected.shape
    assert (piece - expected).abs().max() < 1e-5


def test_contexts_of_the_stages_shrink() -> None:
    assert VocoderConfig().stage_contexts == (CONTEXT, 4, 2)


@pytest.mark.parametrize("length", [100, 480, 700, 5000])
def test_fade_in(nets: Nets, length: int) -> None:
    samples = normal(20, 2, length)
    expected = samples.clone()
    fade = nets.whole_reference.trim_fade[:length]
    expected[:, : len(fade)] *= fade
    assert torch.equal(fade_in(samples, 24_000), expected)


TINY = VocoderConfig(
    width=32,
    f0=F0Config(width=16),
    block_kernels=(3,),
    source_kernels=(3, 3, 3),
    dilations=(1,),
)


@torch.no_grad()
def test_tiny_vocoder_in_bfloat16_speaks_in_float32() -> None:
    vocoder = Vocoder(TINY)
    fill_randomly(vocoder, 1, gain=0.3)
    generator = torch.Generator().manual_seed(1)
    chance = vocoder.source.draw_phases(generator), vocoder.source.draw_noise(25, generator)
    mel = some_mel(21, 25)
    exact, _ = vocoder(mel, *chance)
    rough, source = vocoder.bfloat16()(mel, *chance)
    assert exact.shape == (1, 25 * HOP)
    assert rough.dtype == source.dtype == torch.float32
    assert torch.isfinite(rough).all()


@torch.no_grad()
def test_what_was_prepared_is_dropped_by_a_cast() -> None:
    vocoder, mel, source = Vocoder(TINY), some_mel(23, 9), 0.3 * normal(24, 1, 9 * HOP)
    fill_randomly(vocoder, 3, gain=0.3)
    plain = vocoder.decode(mel, source)
    prepared = vocoder.prepare().decode(mel, source)
    assert torch.allclose(prepared, plain, atol=1e-5)
    assert not torch.equal(prepared, plain)
    assert torch.equal(vocoder.float().decode(mel, source), plain)


@torch.no_grad()
def test_preparing_leaves_alone_what_is_not_float32() -> None:
    vocoder, mel, source = Vocoder(TINY).bfloat16(), some_mel(25, 9), 0.3 * normal(26, 1, 9 * HOP)
    plain = vocoder.decode(mel, source)
    assert torch.equal(vocoder.prepare().decode(mel, source), plain)


@torch.no_grad()
def test_snake_without_frequency_is_straight() -> None:
    vocoder, mel, source = Vocoder(TINY), some_mel(27, 9), 0.3 * normal(28, 1, 9 * HOP)
    fill_randomly(vocoder, 4, gain=0.3)
    for name, parameter in vocoder.named_parameters():
        if name.endswith("frequency"):
            parameter[::2] = 0.0
    plain = vocoder.decode(mel, source)
    assert torch.allclose(vocoder.prepare().decode(mel, source), plain, atol=1e-5)


@torch.no_grad()
def test_f0_predictor_sees_five_frames_to_each_side() -> None:
    predictor = F0Predictor(F0Config(width=8))
    fill_randomly(predictor, 2)
    mel = some_mel(22, 21)
    changed = mel.clone()
    changed[..., 10] += 1
    differs = (predictor(mel) != predictor(changed))[0].nonzero().flatten()
    assert (differs.min(), differs.max()) == (5, 15)


@torch.no_grad()
def test_source_of_a_steady_pitch_has_its_period() -> None:
    source = HarmonicSource(HarmonicConfig(voiced_noise=0.0))
    nn.init.ones_(source.mix.weight)
    nn.init.zeros_(source.mix.bias)
    phases, noise = torch.zeros(1, HARMONICS), torch.zeros(1, 10 * HOP, HARMONICS)
    buzz, _ = source(torch.full((1, 10), 240.0), phases, noise)
    assert buzz.std() > 0.1
    assert (buzz[:, 100:] - buzz[:, :-100]).abs().max() < 1e-3
