"""Clips are measured, and what spoils a voice is said with the measured value."""

from __future__ import annotations

import numpy as np
import pytest

from tests.speechlike import speechlike
from tts_hub.clips.decoding import Clip
from tts_hub.clips.inspection import ClipReport, inspect_clip
from tts_hub.errors import InvalidRequestError
from tts_hub.types import Samples

RATE = 24_000


def inspected(samples: Samples, sample_rate: int = RATE) -> ClipReport:
    return inspect_clip(Clip(samples.astype(np.float32), sample_rate))


def with_pauses(seconds: float = 12.0, sample_rate: int = RATE) -> Samples:
    """Speech with as many pauses as people make."""
    samples = speechlike(seconds, sample_rate)
    time = np.arange(len(samples)) / sample_rate
    gains: Samples = np.where(time % 1.0 < 0.3, 0.001, 1).astype(np.float32)
    return samples * gains


def noise(like: Samples, below_db: float) -> Samples:
    """White noise, so much softer than the speech."""
    level = np.sqrt(np.mean(like**2)) * 10 ** (-below_db / 20)
    samples: Samples = (level * np.random.default_rng(1).standard_normal(len(like))).astype(np.float32)
    return samples


def music(seconds: float = 12.0) -> Samples:
    """Chords, half a second each."""
    generator = np.random.default_rng(0)
    time = np.arange(round(seconds * RATE)) / RATE
    samples = np.zeros_like(time)
    for start in np.arange(0, seconds, 0.5):
        since = np.maximum(time - start, 0)
        chord = sum(
            np.sin(2 * np.pi * note * harmonic * time) / harmonic
            for note in generator.choice([220, 262, 294, 330, 392, 440, 523], 3)
            for harmonic in (1, 2, 3, 4)
        )
        samples += chord * (time >= start) * np.exp(-3 * since)
    scaled: Samples = (0.5 * samples / np.abs(samples).max()).astype(np.float32)
    return scaled


def test_a_good_clip_needs_no_warning() -> None:
    report = inspected(with_pauses())
    assert report.warnings == ()
    assert report.seconds == pytest.approx(12)
    assert report.clipped == 0
    assert report.level_range > 40
    assert 0.25 < report.pausing < 0.6


@pytest.mark.parametrize("change_db", [-20, 0, 5])
def test_loudness_alone_is_no_fault(change_db: float) -> None:
    assert inspected(with_pauses() * 10 ** (change_db / 20)).warnings == ()


def test_clipping_is_counted() -> None:
    report = inspected(np.clip(with_pauses() * 4, -1, 1))
    assert report.clipped > 1_000
    assert f"{report.clipped} samples are clipped" in report.warnings[0]


@pytest.mark.parametrize(("below_db", "warned"), [(30, False), (10, True)])
def test_noise_is_measured(below_db: float, warned: bool) -> None:
    speech = with_pauses()
    report = inspected(speech + noise(speech, below_db))
    assert report.level_range == pytest.approx(below_db + 7, abs=3)
    assert any("softer than the voice" in warning for warning in report.warnings) is warned


def test_music_is_noticed() -> None:
    assert "hardly any pauses" in inspected(music()).warnings[0]


def test_speech_over_music_is_noticed() -> None:
    speech, behind = with_pauses(), music()
    level = np.sqrt(np.mean(speech**2) / np.mean(behind**2))
    assert inspected(speech + 0.7 * level * behind).warnings


def test_a_soft_clip_is_noticed() -> None:
    assert "very soft" in inspected(with_pauses() * 10 ** (-40 / 20)).warnings[0]


def test_a_clip_as_from_the_telephone_is_noticed() -> None:
    assert "8000 Hz" in inspected(with_pauses(sample_rate=8_000), 8_000).warnings[0]


@pytest.mark.parametrize(
    ("samples", "reason"),
    [
        (np.zeros(RATE * 6, np.float32), "is silent"),
        (with_pauses() * 1e-5, "is silent"),
        (speechlike(0.9, RATE), r"has 0\.9 s of sound"),
    ],
)
def test_a_clip_without_a_voice_is_refused(samples: Samples, reason: str) -> None:
    with pytest.raises(InvalidRequestError, match=reason):
        inspected(samples)
