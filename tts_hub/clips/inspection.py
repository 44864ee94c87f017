"""The fitness of a clip as the sample of a voice: what is measured, and what the owner ought to know."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tts_hub.clips.decoding import Clip, clip_error
from tts_hub.quality.scores.clipping import clipped_samples
from tts_hub.quality.scores.loudness import loudness
from tts_hub.types import Samples

SHORTEST = 1.0
"""Seconds of sound below which no engine can clone a voice."""
CLIPPED_SHARE = 1e-4
"""Share of clipped samples from which a clip sounds rough."""
SOFT_LUFS = -45.0
"""Loudness below which the noise of the microphone is a large part of what is heard."""
CLEAR_DB = 26.0
"""Level range of clear speech. Noise that is 20 dB below speech leaves 26 dB, one at 10 dB leaves 16 dB."""
PAUSING_SHARE = 0.22
"""Least share of soft frames in speech. It was 0.34 to 0.41 for four voices, 0.18 to 0.23 for the same voices
over music that is 5 dB softer, and 0.10 to 0.15 for music alone."""
LOWEST_RATE = 16_000
"""Sample rate in Hz below which the upper half of the sounds of speech is missing."""
FRAME_SECONDS = 0.025
NEIGHBOURHOOD_SECONDS = 1.0
"""Time whose mean level a frame is compared with."""
SILENCE_DB = -100.0
"""The level that stands for silence, in dB of full scale."""


@dataclass(frozen=True, slots=True)
class ClipReport:
    """What was measured of a clip."""

    seconds: float
    sample_rate: int
    """Hz."""
    loudness: float
    """LUFS."""
    clipped: int
    """Samples."""
    level_range: float
    """dB from the softest twentieth of the clip to the loudest: speech above its background."""
    pausing: float
    """Share of frames that are less than half as loud as what is around them."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What may spoil the voice, each with the measured value and what to do."""
        return tuple(self._warnings())

    def _warnings(self) -> Iterator[str]:
        if self.clipped > CLIPPED_SHARE * self.seconds * self.sample_rate:
            yield (
                f"{self.clipped} samples are clipped, so the voice may sound rough; "
                "record again with a lower input level"
            )
        if self.loudness < SOFT_LUFS:
            yield f"the clip is very soft ({self.loudness:.0f} LUFS); record again, closer to the microphone"
        if self.pausing < PAUSING_SHARE:
            yield (
                f"the clip has hardly any pauses ({self.pausing:.0%} of it is soft, in speech a third is): "
                "if there is music in it, use a clip of one voice alone"
            )
        elif self.level_range < CLEAR_DB:
            yield (
                f"the background is only {max(0.0, self.level_range):.0f} dB softer than the voice; "
                "record again in a quiet room"
            )
        if self.sample_rate < LOWEST_RATE:
            yield (
                f"the clip is sampled at {self.sample_rate} Hz, as on the telephone, so the voice may "
                f"sound dull; use one of {LOWEST_RATE} Hz or more"
            )


def inspect_clip(clip: Clip) -> ClipReport:
    """Measure a clip. Blocks for some 0.1 s a minute.

    Raises:
        InvalidRequestError: the clip is too short for any engine, or silent.
    """
    if clip.seconds < SHORTEST:
        raise clip_error(f"has {clip.seconds:.1f} s of sound; use one of 5 to 30 s")
    lufs = loudness(clip.samples, clip.sample_rate)
    if lufs is None:
        raise clip_error("is silent")
    amplitudes = _amplitudes(clip.samples, clip.sample_rate)
    soft, loud = np.percentile(20 * np.log10(np.maximum(amplitudes, 10 ** (SILENCE_DB / 20))), [5, 95])
    return ClipReport(
        seconds=clip.seconds,
        sample_rate=clip.sample_rate,
        loudness=lufs,
        clipped=clipped_samples(clip.samples),
        level_range=float(loud - soft),
        pausing=_soft_share(amplitudes),
    )


def _amplitudes(samples: Samples, sample_rate: int) -> NDArray[np.float64]:
    """The RMS amplitude of each whole frame, shape (frames,)."""
    frame = round(FRAME_SECONDS * sample_rate)
    frames = samples[: len(samples) // frame * frame].reshape(-1, frame)
    return np.sqrt(np.mean(frames.astype(np.float64) ** 2, axis=1))  # type: ignore[no-any-return]


def _soft_share(amplitudes: NDArray[np.float64]) -> float:
    """The share of frames below half of the mean amplitude around them."""
    reach = round(NEIGHBOURHOOD_SECONDS / FRAME_SECONDS)
    window = np.ones(min(reach, len(amplitudes)))
    sums = np.convolve(amplitudes, window, "same")
    counts = np.convolve(np.ones(len(amplitudes)), window, "same")
    return float(np.mean(amplitudes < 0.5 * sums / counts))
