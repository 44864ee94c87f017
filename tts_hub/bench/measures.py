"""Each figure of the benchmark, defined by one function. Times are seconds since the request was sent.

In an open loop they are seconds since the request was due. The server's `/metrics` count the same from
inside, where there is no transport: their `tts_time_to_first_audio_seconds` ends with the first piece of the
audio that has sound in it (beyond -50 dBFS), before it is encoded, and so belongs to `first_audio`; their
`tts_real_time_factor` is `real_time_factor` of the time in which the engine was at work, without queue,
encoding and transport.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tts_hub.bench.arrivals import Decoded, Part, Playable
from tts_hub.types import Samples

AUDIBLE = 10 ** (-50 / 20)
"""The amplitude from which a sample counts as sound: -50 dBFS."""
NOTICED = 0.02
"""Seconds: a shorter stop of the player does not count as an underrun."""
PERCENTILES = (50, 90, 95, 99)


@dataclass(frozen=True, slots=True)
class Underruns:
    """The number of times that a player would have run dry, and the seconds in all."""

    count: int
    seconds: float


def first_byte(parts: Sequence[Part]) -> float:
    """The time when the first byte of the body arrived."""
    return parts[0].at


def first_audio(decoded: Decoded) -> float:
    """The time when the first audio could be decoded: headers and half packets do not count."""
    return decoded.timeline[0].at


def leading_silence(samples: Samples, sample_rate: int) -> float:
    """Seconds of the audio before its first sample of at least -50 dBFS; all of it when there is none."""
    loud = np.flatnonzero(np.abs(samples) >= AUDIBLE)
    return float(loud[0] if len(loud) else len(samples)) / sample_rate


def first_audible(decoded: Decoded) -> float:
    """The time of the first sound from a player that starts at the first audio and plays its silence too."""
    silence = leading_silence(decoded.samples, decoded.sample_rate)
    arrived = next((p.at for p in decoded.timeline if p.seconds > silence), decoded.timeline[-1].at)
    return max(first_audio(decoded) + silence, arrived)


def total(parts: Sequence[Part]) -> float:
    """The time when the last byte arrived."""
    return parts[-1].at


def real_time_factor(parts: Sequence[Part], decoded: Decoded) -> float:
    """Total time per second of audio, for a reader that never pauses. Below 1 is faster than speech."""
    return total(parts) / decoded.seconds


def gaps(parts: Sequence[Part]) -> list[float]:
    """Seconds between one part and the next."""
    return [after.at - before.at for before, after in itertools.pairwise(parts)]


def underruns(timeline: Sequence[Playable]) -> Underruns:
    """The pauses of a player that starts at the first audio and has no buffer."""
    count, stood = 0, 0.0
    runs_dry_at = timeline[0].at + timeline[0].seconds
    for before, now in itertools.pairwise(timeline):
        wait = now.at - runs_dry_at
        if wait > NOTICED:
            count += 1
            stood += wait
            runs_dry_at = now.at
        runs_dry_at += now.seconds - before.seconds
    return Underruns(count, stood)


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """The percentiles `p50`, `p90`, `p95` and `p99`, by linear interpolation."""
    found = np.percentile(list(values), PERCENTILES)
    return {f"p{p}": float(value) for p, value in zip(PERCENTILES, found, strict=True)}
