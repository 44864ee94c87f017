"""A reference clip as the nets need it: two sample rates, three cuts, one loudness.

The published package does these steps in this order: mean of the channels, to 24 kHz (soxr, high quality), to
-27 LUFS, from there to 16 kHz in two ways. The voice encoder and T3's prompt get the result of soxr; S3Gen's
prompt gets that of a windowed sinc of six zero crossings, which lets more through at 8 kHz.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pyloudnorm
import soxr
from numpy.lib.stride_tricks import sliding_window_view

from tts_hub.clips.decoding import clip_error, decode_clip
from tts_hub.errors import AudioError, GenerationError
from tts_hub.types import Samples

RATE_24K = 24_000
RATE_16K = 16_000
MIN_SECONDS = 5.0
"""A clip must be longer than this."""
T3_SECONDS = 15
FLOW_SECONDS = 10
TARGET_LUFS = -27.0

ZERO_CROSSINGS = 6
"""Zero crossings of the windowed sinc on each side."""
ROLLOFF = 0.99
"""The cutoff, as a share of the lower rate's Nyquist frequency."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A clip at -27 LUFS. All fields are mono of shape (N,)."""

    samples_24k: Samples
    """The whole clip at 24 kHz. S3Gen's prompt mel is made of `flow_24k`."""
    samples_16k: Samples
    """The whole clip at 16 kHz by soxr, for the voice encoder. T3's prompt tokens are made of `t3_16k`."""

    @property
    def t3_16k(self) -> Samples:
        """The first 15 s at most at 16 kHz, for T3's prompt tokens."""
        return self.samples_16k[: T3_SECONDS * RATE_16K]

    @property
    def flow_24k(self) -> Samples:
        """The first 10 s at most at 24 kHz, for S3Gen's prompt mel."""
        return self.samples_24k[: FLOW_SECONDS * RATE_24K]

    def flow_16k(self) -> Samples:
        """`flow_24k` at 16 kHz by the windowed sinc, for S3Gen's prompt tokens and x-vector."""
        return sinc_24k_to_16k(self.flow_24k)


def read_reference(data: bytes, *, normalise_loudness: bool = True) -> Reference:
    """Make a reference from the bytes of any file that `decode_clip` reads. Blocks for some 0.3 s.

    Raises:
        InvalidRequestError: the file is of another kind or damaged; the clip is not longer than 5 s, longer
            than 120 s, or silent; or one of the limits of `decoding_process` is exceeded.
        GenerationError: the process that decodes cannot be started.
    """
    try:
        clip = decode_clip(data)
    except AudioError as exc:
        raise GenerationError(str(exc), backend="chatterbox") from exc
    if clip.seconds <= MIN_SECONDS:
        raise clip_error(f"has {clip.seconds:.1f} s of sound; more than {MIN_SECONDS:g} s are needed")
    samples = resample(clip.samples, clip.sample_rate, RATE_24K)
    lufs = loudness(samples, RATE_24K)
    if normalise_loudness:
        samples = samples * np.float32(10 ** ((TARGET_LUFS - lufs) / 20))
    return Reference(samples, resample(samples, RATE_24K, RATE_16K))


def resample(samples: Samples, from_rate: int, to_rate: int) -> Samples:
    """Resample (N,) to (ceil(N * to_rate / from_rate),), by soxr in high quality."""
    if from_rate == to_rate:
        return samples
    length = math.ceil(len(samples) * (to_rate / from_rate))
    converted: Samples = soxr.resample(samples, from_rate, to_rate, quality="HQ")
    # soxr rounds the length to the nearest; the published package rounds up, and fills with zero.
    return np.pad(converted[:length], (0, max(0, length - len(converted))))


def loudness(samples: Samples, sample_rate: int) -> float:
    """Integrated loudness in LUFS (ITU-R BS.1770-4) of samples (N,), at least 0.4 s.

    Raises:
        InvalidRequestError: nothing in the samples is louder than -70 LUFS.
    """
    lufs = float(pyloudnorm.Meter(sample_rate).integrated_loudness(samples))
    if not math.isfinite(lufs):
        raise clip_error("is silent")
    return lufs


def sinc_24k_to_16k(samples: Samples) -> Samples:
    """Resample (N,) to (ceil(2 N / 3),) by sinc interpolation under a Hann window.

    The result is that of `torchaudio.transforms.Resample(24000, 16000)`: each three samples become two, each
    with its own kernel.
    """
    kernels, reach = _sinc_kernels()
    padded = np.pad(samples, (reach, reach + 3))
    windows = sliding_window_view(padded, kernels.shape[1])[::3]  # (M, taps)
    pairs = windows @ kernels.T  # (M, 2)
    converted: Samples = pairs.reshape(-1)[: -(-2 * len(samples) // 3)]  # (M, 2) -> (2 M,)
    return converted


def _sinc_kernels() -> tuple[Samples, int]:
    """The kernels (2, taps), one for each of the two new samples, and how many samples they reach back."""
    cutoff = 2 * ROLLOFF  # in half cycles per three old samples
    reach = math.ceil(ZERO_CROSSINGS * 3 / cutoff)
    old = np.arange(-reach, reach + 3) / 3  # (taps,)
    new = np.arange(2) / 2  # (2,)
    crossings = np.clip((old - new[:, None]) * cutoff, -ZERO_CROSSINGS, ZERO_CROSSINGS)  # (2, taps)
    window = np.cos(crossings * math.pi / ZERO_CROSSINGS / 2) ** 2
    return (np.sinc(crossings) * window * cutoff / 3).astype(np.float32), reach
