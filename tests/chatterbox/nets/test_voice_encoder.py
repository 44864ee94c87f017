"""The voice encoder against that of the published package."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import torch
from chatterbox.models.voice_encoder import VoiceEncoder as ReferenceEncoder
from torch import Tensor
from tts_hub_chatterbox.files import layouts
from tts_hub_chatterbox.nets.mels import voice_mel
from tts_hub_chatterbox.nets.voice_encoder import VoiceEncoder, VoiceEncoderConfig

from tests.chatterbox.parity import Record, assert_close, load_from_reference, relative_error
from tests.chatterbox.random_weights import fill_randomly
from tests.speechlike import speechlike

SAMPLE_RATE = 16_000
TINY = VoiceEncoderConfig(bands=4, width=8, layers=2, embedding=6, window=10, step=4)


@dataclass
class Nets:
    reference: Any
    ours: VoiceEncoder

    def reference_embedding(self, samples: Tensor) -> Tensor:
        return torch.from_numpy(self.reference.embeds_from_wavs([samples.numpy()], sample_rate=SAMPLE_RATE))


@pytest.fixture(scope="module")
def nets(tmp_path_factory: pytest.TempPathFactory) -> Nets:
    reference = ReferenceEncoder().eval()
    fill_randomly(reference, 5)
    folder: Path = tmp_path_factory.mktemp("ve")
    ours = load_from_reference(
        lambda: VoiceEncoder(VoiceEncoderConfig()), reference, layouts.VOICE_ENCODER, folder
    )
    return Nets(reference, ours)


@pytest.fixture
def tiny() -> VoiceEncoder:
    net = VoiceEncoder(TINY).eval()
    fill_randomly(net, 1)
    return net.requires_grad_(requires_grad=False)


def clip(seconds: float, seed: int = 0) -> Tensor:
    return torch.from_numpy(speechlike(seconds, SAMPLE_RATE, seed))


@pytest.mark.parametrize("seconds", [0.4, 1.6, 2.9, 3.1, 10.0])
def test_embedding(nets: Nets, seconds: float, record_property: Record) -> None:
    samples = clip(seconds)
    ours = nets.ours.embed(samples)
    assert ours.shape == (1, 256)
    assert_close(ours, nets.reference_embedding(samples), record_property)


def test_embedding_of_a_quiet_clip_between_pauses(nets: Nets, record_property: Record) -> None:
    pause = 1e-5 * torch.randn(SAMPLE_RATE, generator=torch.Generator().manual_seed(3))
    samples = torch.cat((pause, 0.02 * clip(4, seed=2), pause))
    assert_close(nets.ours.embed(samples), nets.reference_embedding(samples), record_property)


def test_embedding_of_nothing(nets: Nets) -> None:
    samples = torch.zeros(6 * SAMPLE_RATE)
    assert relative_error(nets.ours.embed(samples), nets.reference_embedding(samples)) < 1e-4


def test_a_click_at_the_end_is_not_all_that_is_heard(nets: Nets) -> None:
    samples = torch.zeros(32 * 512)
    samples[-1] = 1.0
    assert torch.isfinite(nets.ours.embed(samples)).all()


def test_windows_of_any_number_of_frames(nets: Nets) -> None:
    """There are as many windows, with the same frames, as in the reference."""
    for frames in [*range(1, 12), *range(100, 330)]:
        mel = torch.rand(frames, 40, generator=torch.Generator().manual_seed(frames))
        seen: list[Tensor] = []

        def watch(windows: Tensor, seen: list[Tensor] = seen) -> Tensor:
            seen.append(windows)
            return torch.ones(len(windows), 256)

        with patch.object(nets.reference, "forward", watch):
            nets.reference.embeds_from_mels([mel.numpy()], rate=1.3)
        torch.testing.assert_close(nets.ours.windows(mel), torch.cat(seen))


def test_a_window_that_is_full_enough_counts(tiny: VoiceEncoder) -> None:
    counts = {frames: len(tiny.windows(torch.ones(frames, TINY.bands))) for frames in (3, 10, 11, 12, 15, 16)}
    assert counts == {3: 1, 10: 1, 11: 1, 12: 2, 15: 2, 16: 3}


def test_what_is_missing_of_the_last_window_is_zero(tiny: VoiceEncoder) -> None:
    windows = tiny.windows(torch.ones(12, TINY.bands))
    assert windows[1, :8].all()
    assert not windows[1, 8:].any()


def test_embeddings_have_length_one(tiny: VoiceEncoder) -> None:
    embeddings = tiny(torch.rand(5, TINY.window, TINY.bands, generator=torch.Generator().manual_seed(0)))
    torch.testing.assert_close(embeddings.norm(dim=1), torch.ones(5))
    assert (embeddings >= 0).all()


def test_windows_do_not_know_each_other(tiny: VoiceEncoder) -> None:
    windows = tiny.windows(torch.rand(40, TINY.bands, generator=torch.Generator().manual_seed(0)))
    one_by_one = torch.cat([tiny(window[None]) for window in windows])
    torch.testing.assert_close(tiny(windows), one_by_one)


def test_mel_is_what_the_net_expects() -> None:
    assert voice_mel(clip(1)).shape == (101, VoiceEncoderConfig().bands)
