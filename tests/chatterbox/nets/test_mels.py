"""The front ends against those of the published package."""

from __future__ import annotations

import warnings

import librosa
import numpy as np
import pytest
import s3tokenizer.utils
import torch
import torchaudio.compliance.kaldi
from chatterbox.models.s3gen.utils.mel import mel_spectrogram
from chatterbox.models.voice_encoder.config import VoiceEncConfig
from chatterbox.models.voice_encoder.melspec import melspectrogram
from torch import Tensor
from tts_hub_chatterbox.nets import mels
from tts_hub_chatterbox.nets.mels import fbank, mel_24k, s3_mel, trim_silence, voice_mel

from tests.chatterbox.parity import Record, assert_close, relative_error
from tests.speechlike import speechlike

CPU = torch.device("cpu")


def clip(seconds: float, sample_rate: int = 16_000, seed: int = 0) -> Tensor:
    return torch.from_numpy(speechlike(seconds, sample_rate, seed))


def fading(seconds: float, sample_rate: int, seed: int = 0) -> Tensor:
    """A clip that ends in less and less noise and at last in nothing: every floor is reached."""
    samples = clip(seconds, sample_rate, seed)
    tail = torch.randn(sample_rate, generator=torch.Generator().manual_seed(seed))
    return torch.cat((samples, tail * torch.logspace(-1, -9, sample_rate), torch.zeros(sample_rate // 4)))


@pytest.fixture
def lengths() -> list[int]:
    """Samples too few or too many for whole frames."""
    return [0, 1, 79, 80, 81, 159, 161, 239, 240, 479]


def test_mel_of_the_flow(record_property: Record) -> None:
    samples = fading(4, 24_000)
    assert_close(mel_24k(samples[None]), mel_spectrogram(samples[None]), record_property, tolerance=1e-5)


def test_mel_of_the_speech_tokenizer(record_property: Record) -> None:
    samples = fading(4, 16_000)
    reference = s3tokenizer.utils.log_mel_spectrogram(samples[None])
    assert_close(s3_mel(samples[None]), reference, record_property, tolerance=1e-5)


def test_mel_of_the_speech_tokenizer_of_next_to_nothing(record_property: Record) -> None:
    samples = 1e-4 * fading(4, 16_000)
    reference = s3tokenizer.utils.log_mel_spectrogram(samples[None])
    assert_close(s3_mel(samples[None]), reference, record_property, tolerance=1e-5)


def test_mel_of_the_voice_encoder(record_property: Record) -> None:
    samples = fading(4, 16_000)
    reference = torch.from_numpy(melspectrogram(samples.numpy(), VoiceEncConfig()).T)
    assert_close(voice_mel(samples), reference, record_property, tolerance=1e-5)


def test_features_of_the_speaker_encoder(record_property: Record) -> None:
    samples = fading(4, 16_000)
    reference = torchaudio.compliance.kaldi.fbank(samples[None], num_mel_bins=80)
    assert_close(fbank(samples), reference, record_property, tolerance=1e-5)


def test_any_length_gives_the_same_frames(lengths: list[int]) -> None:
    whole = clip(2, 24_000, seed=3)
    config = VoiceEncConfig()
    for more in lengths:
        samples = whole[: 30_000 + more]
        mono = samples[None]
        assert relative_error(mel_24k(mono), mel_spectrogram(mono)) < 1e-5
        assert relative_error(s3_mel(mono), s3tokenizer.utils.log_mel_spectrogram(mono)) < 1e-5
        assert relative_error(fbank(samples), torchaudio.compliance.kaldi.fbank(mono, num_mel_bins=80)) < 1e-5
        voice = torch.from_numpy(melspectrogram(samples.numpy(), config).T)
        assert relative_error(voice_mel(samples), voice) < 1e-5


@pytest.mark.parametrize(
    ("sample_rate", "n_fft", "bands", "highest"),
    [(24_000, 1920, 80, 8000.0), (16_000, 400, 128, 8000.0), (16_000, 400, 40, 8000.0)],
)
def test_slaney_filters(sample_rate: int, n_fft: int, bands: int, highest: float) -> None:
    ours = mels._slaney_filters(sample_rate, n_fft, bands, highest, CPU)
    reference = librosa.filters.mel(sr=sample_rate, n_fft=n_fft, n_mels=bands, fmax=highest)
    np.testing.assert_allclose(ours.numpy(), reference, rtol=1e-6, atol=1e-9)


def test_filters_of_the_speech_tokenizer_are_its_packaged_table() -> None:
    ours = mels._slaney_filters(16_000, 400, 128, 8000.0, CPU)
    packaged = s3tokenizer.utils._mel_filters(CPU, 128)
    np.testing.assert_allclose(ours.numpy(), packaged.numpy(), rtol=1e-6, atol=1e-9)


def test_kaldi_filters() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reference, _ = torchaudio.compliance.kaldi.get_mel_banks(
            80, 512, 16_000.0, 20.0, 0.0, 100.0, -500.0, 1.0
        )
    ours = mels._kaldi_filters(CPU)
    np.testing.assert_allclose(ours[:, :-1].numpy(), reference.numpy(), atol=1e-6)
    assert not ours[:, -1].any()


@pytest.mark.parametrize("front_end", [mel_24k, s3_mel])
def test_rows_of_a_batch_do_not_know_each_other(front_end: object) -> None:
    assert callable(front_end)
    loud, quiet = clip(1, seed=1), 1e-3 * clip(1, seed=2)
    both = front_end(torch.stack((loud, quiet)))
    assert relative_error(both[:1], front_end(loud[None])) < 1e-6
    assert relative_error(both[1:], front_end(quiet[None])) < 1e-6


def test_constants_made_while_nets_are_on_meta_are_real() -> None:
    mels._slaney_filters.cache_clear()
    mels._kaldi_filters.cache_clear()
    mels._hann.cache_clear()
    mels._povey.cache_clear()
    samples = clip(0.5)
    with torch.device("meta"):
        made = mel_24k(samples[None]), s3_mel(samples[None]), voice_mel(samples), fbank(samples)
    assert all(torch.isfinite(mel).all() for mel in made)


@pytest.mark.parametrize("gain", [1.0, 1e-4, 3e-5, 1e-6])
@pytest.mark.parametrize("samples_more", [0, 1, 511])
def test_silence_is_trimmed_as_librosa_does(gain: float, samples_more: int) -> None:
    pause = 0.01 * torch.randn(9000, generator=torch.Generator().manual_seed(0))
    samples = gain * torch.cat((pause, clip(1.5, seed=4), pause, pause[:samples_more]))
    ours = trim_silence(samples)
    reference, _ = librosa.effects.trim(samples.numpy(), top_db=20)
    np.testing.assert_array_equal(ours.numpy(), reference)


def test_silence_ends_at_minus_20_db() -> None:
    rise = torch.logspace(-2, 0, 48_000)
    samples = torch.cat((rise, rise.flip(0))) * torch.randn(
        96_000, generator=torch.Generator().manual_seed(1)
    )
    reference, _ = librosa.effects.trim(samples.numpy(), top_db=20)
    np.testing.assert_array_equal(trim_silence(samples).numpy(), reference)


@pytest.mark.parametrize("samples", [torch.zeros(5000), torch.full((5000,), 0.1)], ids=["silent", "even"])
def test_a_clip_without_pauses_stays_as_it_is(samples: Tensor) -> None:
    reference, _ = librosa.effects.trim(samples.numpy(), top_db=20)
    assert len(trim_silence(samples)) == len(reference)


def test_a_click_between_silence_is_found() -> None:
    samples = torch.zeros(16_000)
    samples[7000] = 1.0
    reference, _ = librosa.effects.trim(samples.numpy(), top_db=20)
    np.testing.assert_array_equal(trim_silence(samples).numpy(), reference)


def test_the_test_signal_is_the_same_every_time() -> None:
    first, second = speechlike(1.5, 16_000, seed=5), speechlike(1.5, 16_000, seed=5)
    np.testing.assert_array_equal(first, second)
    assert first.dtype == np.float32
    assert first.shape == (24_000,)
    assert not np.array_equal(first, speechlike(1.5, 16_000, seed=6))


def test_the_test_signal_has_sound_and_pauses() -> None:
    level = np.abs(speechlike(10, 24_000)[: 24_000 * 10].reshape(-1, 480)).max(axis=1)
    assert level.max() == pytest.approx(0.5, abs=0.01)
    assert 0.5 < np.mean(level > 0.02) < 0.98
