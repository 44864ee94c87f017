"""A test signal that is built like speech: a clip of any length, without a recording."""

from __future__ import annotations

import io
import wave
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
Curve = NDArray[np.float64]

FORMANT_WIDTHS = np.array([90.0, 110.0, 170.0, 250.0])
FORMANT_GAINS = np.array([1.0, 0.6, 0.35, 0.2])
HIGHEST_HARMONIC = 7_000.0
"""Hz, also below nine tenths of the Nyquist frequency."""
FADE = 0.03
"""Seconds in which a syllable comes and goes."""
CONTROL_PERIOD = 0.005
"""Seconds."""
NOISE_FLOOR = 10 ** (-60 / 20)
PEAK = 0.5


@dataclass(frozen=True, slots=True)
class Syllable:
    """One piece of the signal; times in seconds."""

    start: float
    end: float
    pitch: float
    formants: Curve
    hiss: float
    """Seconds of consonant-like noise at its beginning."""


def speechlike(seconds: float, sample_rate: int, seed: int = 0) -> Samples:
    """Voiced syllables with formants and vibrato, hisses, pauses; (T,) between -0.5 and 0.5.

    The same arguments give the same samples. It begins with a pause and has a noise floor at -60 dB,
    so that what trims silence has something to trim.
    """
    generator = np.random.default_rng(seed)
    syllables = _syllables(seconds, generator)
    time = np.arange(round(seconds * sample_rate)) / sample_rate
    noise = generator.standard_normal(len(time))
    loudness = sum((_hill(time, one.start, one.end) for one in syllables), np.zeros_like(time))
    hiss = sum((_hill(time, one.start, one.start + one.hiss) for one in syllables), np.zeros_like(time))
    signal = loudness * _voice(time, sample_rate, syllables)
    # The difference of white noise is bright, as an "s" is.
    signal += 0.15 * hiss * np.diff(noise, prepend=0.0)
    signal *= PEAK / np.max(np.abs(signal), initial=1e-9)
    return np.clip(signal + PEAK * NOISE_FLOOR * noise, -PEAK, PEAK).astype(np.float32)


def speechlike_wav(seconds: float, sample_rate: int, seed: int = 0) -> bytes:
    """The test signal as a WAV file, 16 bits, mono."""
    file = io.BytesIO()
    with wave.open(file, "wb") as opened:
        opened.setnchannels(1)
        opened.setsampwidth(2)
        opened.setframerate(sample_rate)
        opened.writeframes((speechlike(seconds, sample_rate, seed) * 32767).astype(np.int16).tobytes())
    return file.getvalue()


def _syllables(seconds: float, generator: np.random.Generator) -> list[Syllable]:
    found: list[Syllable] = []
    base_pitch = generator.uniform(95, 210)
    now = min(0.2, seconds / 4)
    while now < seconds:
        length = generator.uniform(0.12, 0.3)
        found.append(
            Syllable(
                start=now,
                end=now + length,
                pitch=base_pitch * generator.uniform(0.85, 1.2),
                formants=np.array(
                    [
                        generator.uniform(280, 850),
                        generator.uniform(900, 2300),
                        generator.uniform(2400, 3000),
                        generator.uniform(3300, 3900),
                    ]
                ),
                hiss=generator.uniform(0.03, 0.09) if generator.random() < 0.5 else 0.0,
            )
        )
        pause = generator.uniform(0.2, 0.5) if generator.random() < 0.2 else generator.uniform(0.0, 0.04)
        now += length + pause
    return found


def _hill(time: Curve, start: float, end: float) -> Curve:
    """1 between start and end, raised cosine flanks of at most `FADE` inside."""
    fade = max(min(FADE, (end - start) / 2), 1e-6)
    inside = np.clip(np.minimum(time - start, end - time) / fade, 0, 1)
    return 0.5 - 0.5 * np.cos(np.pi * inside)


def _voice(time: Curve, sample_rate: int, syllables: list[Syllable]) -> Curve:
    """Harmonics of a gliding pitch with vibrato, weighed by gliding formants."""
    middles = [(one.start + one.end) / 2 for one in syllables]
    pitch = np.interp(time, middles, [one.pitch for one in syllables])
    pitch *= 1 + 0.02 * np.sin(2 * np.pi * 5.5 * time)
    turn = np.exp(2j * np.pi * np.cumsum(pitch) / sample_rate)
    highest = min(HIGHEST_HARMONIC, 0.45 * sample_rate)
    # Weights change slowly: they are worked out at some points and interpolated.
    points = np.arange(0, len(time), max(1, round(CONTROL_PERIOD * sample_rate)))
    pitches = pitch[points]
    formants = [np.interp(time[points], middles, [one.formants[i] for one in syllables]) for i in range(4)]
    voice = np.zeros_like(time)
    harmonic = np.ones_like(turn)
    for number in range(1, int(highest / pitch.min(initial=highest)) + 1):
        frequency = number * pitches
        weight = np.zeros_like(frequency)
        for formant, width, gain in zip(formants, FORMANT_WIDTHS, FORMANT_GAINS, strict=True):
            weight += gain / (1 + ((frequency - formant) / width) ** 2)
        weight[frequency > highest] = 0.0
        harmonic *= turn
        voice += np.interp(time, time[points], weight) * harmonic.imag
    return voice
