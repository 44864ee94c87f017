"""The speaker encoder against that of the published package."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from chatterbox.models.s3gen.xvector import CAMPPlus
from torch import Tensor
from tts_hub_chatterbox.files import layouts
from tts_hub_chatterbox.nets.speaker_encoder import DenseStageConfig, SpeakerEncoder, SpeakerEncoderConfig

from tests.chatterbox.parity import Record, assert_close, load_from_reference, relative_error
from tests.chatterbox.random_weights import fill_randomly
from tests.speechlike import speechlike

SAMPLE_RATE = 16_000
TINY = SpeakerEncoderConfig(
    bands=16,
    picture_channels=2,
    channels=6,
    growth=3,
    bottleneck=4,
    stages=(DenseStageConfig(layers=2, dilation=1), DenseStageConfig(layers=3, dilation=2)),
    segment=7,
    embedding=5,
)


@dataclass
class Nets:
    reference: Any
    ours: SpeakerEncoder


@pytest.fixture(scope="module")
def nets(tmp_path_factory: pytest.TempPathFactory) -> Nets:
    reference = CAMPPlus(memory_efficient=False).eval()
    fill_randomly(reference, 7)
    folder: Path = tmp_path_factory.mktemp("speaker")
    ours = load_from_reference(
        lambda: SpeakerEncoder(SpeakerEncoderConfig()), reference, layouts.SPEAKER_ENCODER, folder
    )
    return Nets(reference, ours)


@pytest.fixture
def tiny() -> SpeakerEncoder:
    net = SpeakerEncoder(TINY).eval()
    fill_randomly(net, 1)
    return net.requires_grad_(requires_grad=False)


def clip(seconds: float, seed: int = 0) -> Tensor:
    return torch.from_numpy(speechlike(seconds, SAMPLE_RATE, seed))


@pytest.mark.parametrize("seconds", [0.5, 2.02, 5.13, 10.0])
def test_xvector(nets: Nets, seconds: float, record_property: Record) -> None:
    samples = clip(seconds)
    with torch.inference_mode():
        reference = nets.reference.inference(samples[None])
    ours = nets.ours.embed(samples)
    assert ours.shape == (1, 192)
    assert_close(ours, reference, record_property, tolerance=1e-5)  # an epsilon of the norms shows only there


def test_two_clips_at_once(nets: Nets, record_property: Record) -> None:
    features = torch.randn(2, 333, 80, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        reference = nets.reference(features)
    assert_close(nets.ours(features), reference, record_property)


def test_picture(nets: Nets, record_property: Record) -> None:
    """The two-dimensional part alone, before pooling evens it out."""
    features = torch.randn(1, 80, 123, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        reference = nets.reference.head(features)
    assert_close(nets.ours.picture(features), reference, record_property)


def test_voices_differ(nets: Nets) -> None:
    assert relative_error(nets.ours.embed(clip(3, seed=1)), nets.ours.embed(clip(3, seed=2))) > 1e-2


def test_loudness_does_not_matter(nets: Nets) -> None:
    """The mean that is removed from the features holds it, as long as no band falls to the floor."""
    samples = clip(3)
    samples += 0.01 * torch.randn(samples.shape, generator=torch.Generator().manual_seed(0))
    assert relative_error(nets.ours.embed(0.25 * samples), nets.ours.embed(samples)) < 1e-3


def test_sizes_are_configured(tiny: SpeakerEncoder) -> None:
    assert tiny(torch.rand(3, 30, TINY.bands, generator=torch.Generator().manual_seed(0))).shape == (3, 5)


def test_rows_of_a_batch_do_not_know_each_other(tiny: SpeakerEncoder) -> None:
    features = torch.rand(2, 30, TINY.bands, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(tiny(features)[1:], tiny(features[1:]))


def test_a_segment_that_is_not_full_has_its_own_mean(tiny: SpeakerEncoder) -> None:
    x = torch.cat((torch.full((1, 4, 7), 2.0), torch.full((1, 4, 3), 5.0)), dim=2)
    means = tiny.stages[0].layers[0]._segment_means(x)  # type: ignore[union-attr,index]
    torch.testing.assert_close(means, x)
