"""The four front ends: samples to mels, each exactly as its net was trained.

B batch, N samples, F mel frames, M mel bands, K frequency bins (half the transform and one)

All take and return float32 on the device of the samples, and need a clip of at least 30 ms, as the ends are
mirrored or a frame must be whole.
"""

from __future__ import annotations

import math
from functools import cache

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor

RATE_24K = 24_000
N_FFT_24K = 1920
HOP_24K = 480
BANDS_24K = 80
HIGHEST_24K = 8000.0
"""Hz; the flow's mel has no higher frequencies."""
MAGNITUDE_FLOOR = 1e-9
"""Added to the power before the square root that gives the flow's magnitudes."""
MEL_FLOOR = 1e-5
"""The smallest value before the flow's logarithm."""

RATE_16K = 16_000
N_FFT_16K = 400
HOP_16K = 160
S3_BANDS = 128
S3_FLOOR = 1e-10
S3_RANGE = 8.0
"""Powers of ten below its loudest value where a clip's S3 mel is cut off."""
VOICE_BANDS = 40

KALDI_N_FFT = 512
KALDI_BANDS = 80
KALDI_LOWEST = 20.0
KALDI_PREEMPHASIS = 0.97
KALDI_WINDOW_POWER = 0.85
"""The power of a Hann window that is Kaldi's "povey" window."""

TRIM_FRAME = 2048
TRIM_HOP = 512
TRIM_FLOOR = 1e-10
"""The smallest power of a frame, as in librosa: below it, all is equally silent."""
TRIM_RATIO = 100.0
"""20 dB: frames at the ends that are weaker than the loudest one by more are cut off."""

SLANEY_STEP = 200.0 / 3
"""Hz a mel below 1 kHz; above, the scale is logarithmic."""
SLANEY_KNEE = 1000.0
SLANEY_LOG_STEP = math.log(6.4) / 27


def mel_24k(samples: Tensor) -> Tensor:
    """Log mel of the flow: (B, N) at 24 kHz to (B, 80, F), 50 frames a second.

    As in Matcha-TTS: magnitudes, natural logarithm, F = N // 480, frames centred between hops.
    """
    side = (N_FFT_24K - HOP_24K) // 2
    mirrored = F.pad(samples, (side, side), mode="reflect")  # (B, N + 1440)
    spectrum = torch.stft(
        mirrored,
        N_FFT_24K,
        hop_length=HOP_24K,
        window=_hann(N_FFT_24K, samples.device),
        center=False,
        return_complex=True,
    )  # (B, K, F)
    magnitudes = (_power(spectrum) + MAGNITUDE_FLOOR).sqrt()
    filters = _slaney_filters(RATE_24K, N_FFT_24K, BANDS_24K, HIGHEST_24K, samples.device)
    return (filters @ magnitudes).clamp(min=MEL_FLOOR).log()  # (M, K) @ (B, K, F)


def s3_mel(samples: Tensor) -> Tensor:
    """Log mel of the speech tokenizer: (B, N) at 16 kHz to (B, 128, F), 100 frames a second.

    As in Whisper: powers, decimal logarithm, at most eight powers of ten below the row's loudest value,
    F = N // 160.
    Rows of a batch that were filled up to one length differ near their ends from the clips alone.
    """
    power = _power(_stft_16k(samples)[..., :-1])  # (B, K, F): the last, half empty frame is left out
    filters = _slaney_filters(RATE_16K, N_FFT_16K, S3_BANDS, RATE_16K / 2, samples.device)
    log_mel = (filters @ power).clamp(min=S3_FLOOR).log10()
    loudest = log_mel.amax(dim=(1, 2), keepdim=True)
    return (torch.maximum(log_mel, loudest - S3_RANGE) + 4.0) / 4.0


def voice_mel(samples: Tensor) -> Tensor:
    """Power mel of the voice encoder, no logarithm: (N,) at 16 kHz to (F, 40), F = 1 + N // 160."""
    filters = _slaney_filters(RATE_16K, N_FFT_16K, VOICE_BANDS, RATE_16K / 2, samples.device)
    return (filters @ _power(_stft_16k(samples))).T  # (M, F) to (F, M)


def fbank(samples: Tensor) -> Tensor:
    """Kaldi's log filter bank of the speaker encoder: (N,) at 16 kHz to (F, 80).

    Only whole frames of 25 ms every 10 ms: F = 1 + (N - 400) // 160. `compute-fbank-feats` without dither.
    """
    frames = samples.unfold(0, N_FFT_16K, HOP_16K)  # (F, 400)
    frames = frames - frames.mean(dim=1, keepdim=True)
    before = torch.cat(
        (frames[:, :1], frames[:, :-1]), dim=1
    )  # each frame moved by one, its first value twice
    frames = (frames - KALDI_PREEMPHASIS * before) * _povey(samples.device)
    power = _power(torch.fft.rfft(frames, KALDI_N_FFT))  # (F, K)
    mel = power @ _kaldi_filters(samples.device).T  # (F, K) @ (K, M)
    return mel.clamp(min=torch.finfo(torch.float32).eps).log()


def trim_silence(samples: Tensor) -> Tensor:
    """Cut off both ends where they are 20 dB below the loudest frame: (N,) to a view in steps of 512.

    This is librosa's `effects.trim`. A clip without any sound stays as it is.
    """
    padded = F.pad(samples, (TRIM_FRAME // 2, TRIM_FRAME // 2))
    power = padded.unfold(0, TRIM_FRAME, TRIM_HOP).square().mean(dim=1).clamp(min=TRIM_FLOOR)
    loud = torch.nonzero(power > power.max() / TRIM_RATIO)
    first, last = int(loud[0]), int(loud[-1])
    return samples[first * TRIM_HOP : (last + 1) * TRIM_HOP]


def _stft_16k(samples: Tensor) -> Tensor:
    """(..., N) to (..., K, 1 + N // 160), mirrored at the ends."""
    window = _hann(N_FFT_16K, samples.device)
    return torch.stft(samples, N_FFT_16K, hop_length=HOP_16K, window=window, return_complex=True)


def _power(spectrum: Tensor) -> Tensor:
    return torch.view_as_real(spectrum).square().sum(dim=-1)


@cache
def _hann(length: int, device: torch.device) -> Tensor:
    return torch.hann_window(length, device="cpu").to(device)


@cache
def _povey(device: torch.device) -> Tensor:
    return torch.hann_window(N_FFT_16K, periodic=False, device="cpu").pow(KALDI_WINDOW_POWER).to(device)


@cache
def _slaney_filters(sample_rate: int, n_fft: int, bands: int, highest: float, device: torch.device) -> Tensor:
    """(M, K): triangles on Slaney's mel scale from 0 Hz, each of the same area."""
    edges = _slaney_hertz(
        torch.linspace(0, _slaney_mel(highest), bands + 2, dtype=torch.float64, device="cpu")
    )
    bins = torch.arange(n_fft // 2 + 1, dtype=torch.float64, device="cpu") * (sample_rate / n_fft)
    triangles = _triangles(edges[:-2, None], edges[1:-1, None], edges[2:, None], bins)
    areas = 2.0 / (edges[2:, None] - edges[:-2, None])
    return (triangles * areas).float().to(device)


def _slaney_mel(hertz: float) -> float:
    if hertz < SLANEY_KNEE:
        return hertz / SLANEY_STEP
    return SLANEY_KNEE / SLANEY_STEP + math.log(hertz / SLANEY_KNEE) / SLANEY_LOG_STEP


def _slaney_hertz(mels: Tensor) -> Tensor:
    knee = SLANEY_KNEE / SLANEY_STEP
    return torch.where(
        mels < knee, mels * SLANEY_STEP, SLANEY_KNEE * torch.exp(SLANEY_LOG_STEP * (mels - knee))
    )


@cache
def _kaldi_filters(device: torch.device) -> Tensor:
    """(M, K): triangles that are straight on the mel scale itself, of height 1, from 20 Hz to Nyquist."""
    lowest, highest = 1127.0 * math.log1p(KALDI_LOWEST / 700.0), 1127.0 * math.log1p(RATE_16K / 2 / 700.0)
    # In float32 and in these steps, as in the net's training: narrow triangles depend on the rounding.
    edges = lowest + torch.arange(KALDI_BANDS + 2, device="cpu") * ((highest - lowest) / (KALDI_BANDS + 1))
    bins = torch.arange(KALDI_N_FFT // 2 + 1, device="cpu") * (RATE_16K / KALDI_N_FFT)
    mels = 1127.0 * (1.0 + bins / 700.0).log()
    return _triangles(edges[:-2, None], edges[1:-1, None], edges[2:, None], mels).to(device)


def _triangles(left: Tensor, centre: Tensor, right: Tensor, bins: Tensor) -> Tensor:
    """(M, 1) three times and (K,) to (M, K): 0 at `left`, up to 1 at `centre`, down to 0 at `right`."""
    rising = (bins - left) / (centre - left)
    falling = (right - bins) / (right - centre)
    return torch.minimum(rising, falling).clamp(min=0.0)
