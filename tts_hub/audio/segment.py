"""The audio of ONE segment: resampled, levelled, trimmed, stretched, its edges softened."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tts_hub.audio.filter import Resampler, Tempo
from tts_hub.audio.level import Leveller
from tts_hub.audio.limits import DEFAULT_RATE
from tts_hub.audio.pcm import checked, db_to_gain, silence
from tts_hub.audio.trim import Fader, SilenceTrimmer
from tts_hub.errors import AudioError
from tts_hub.types import AudioChunk, Samples


@dataclass(frozen=True, slots=True)
class TrackSettings:
    """The settings of a track."""

    sample_rate: int = DEFAULT_RATE
    """The rate of the track in Hz."""
    loudness_lufs: float | None = -19.0
    """The loudness that voices are levelled to; `None` keeps the engine's."""
    trim_silence: bool = True
    """Whether the silence at both ends of every segment is removed."""
    silence_db: float = -50.0
    """dBFS after levelling; a sample below it is silence."""
    lead_seconds: float = 0.015
    """Silence that is kept before the first sound of a segment."""
    tail_seconds: float = 0.05
    """Silence that is kept after its last sound."""
    silent_segment_seconds: float = 0.2
    """Silence in place of a segment without any sound."""
    fade_seconds: float = 0.008
    """The length of the fade-in and of the fade-out of a segment."""
    tempo: float = 1.0
    """The factor, 0.25 to 4, by which speech becomes faster; the pitch stays."""


class SegmentChain:
    """Turns the samples of one segment, at any rates, into samples of the track before the limiter.

    The leveller comes first, so that soft and loud voices are trimmed alike; trimming comes before the
    change of tempo, so that pauses and fades keep their length. `leveller` may be `None`.
    """

    def __init__(self, settings: TrackSettings, tempo: float, leveller: Leveller | None) -> None:
        rate = settings.sample_rate
        self._settings = settings
        self._leveller = leveller
        self._resampler: Resampler | None = None
        self._input_rate = 0
        self._resampled = 0
        kept = (settings.lead_seconds, settings.tail_seconds)
        lead, tail = (round(seconds * tempo * rate) for seconds in kept)
        self._trimmer = SilenceTrimmer(db_to_gain(settings.silence_db), lead, tail)
        self._tempo = Tempo(tempo, rate)
        self._fader = Fader(round(settings.fade_seconds * rate))
        self.tempo = tempo

    @property
    def has_sound(self) -> bool:
        """Whether some sound has come."""
        return self._trimmer.has_sound

    @property
    def lead_seconds(self) -> float:
        """Seconds of the engine's audio that were removed at the front; final once `has_sound`."""
        return self._trimmer.dropped_lead / self._settings.sample_rate if self._settings.trim_silence else 0.0

    def push(self, chunk: AudioChunk) -> Samples:
        """Process the engine's next audio; raises `AudioError` for NaN, infinity, a wrong shape or rate."""
        samples = checked(chunk.samples)
        rest, resampler = self._resampler_for(chunk.sample_rate)
        return self._after_resampling(np.concatenate([rest, resampler.process(samples)]))

    def finish(self) -> Samples:
        """End the segment; returns the samples that were held back, up to the last sound."""
        rest = self._resampler.finish() if self._resampler else silence(0)
        ready = self._after_resampling(rest)
        if self._leveller is not None:
            ready = np.concatenate([ready, self._after_levelling(self._leveller.end_segment())])
        if self._settings.trim_silence and self._resampled and not self.has_sound:
            return silence(round(self._settings.silent_segment_seconds * self._settings.sample_rate))
        return np.concatenate([ready, self._fader.process(self._tempo.finish()), self._fader.finish()])

    def _resampler_for(self, rate: int) -> tuple[Samples, Resampler]:
        """The samples that the resampler of another rate still held, and the resampler for this rate."""
        if self._resampler is not None and rate == self._input_rate:
            return silence(0), self._resampler
        if rate <= 0:
            raise AudioError(f"the engine's audio has a sample rate of {rate} Hz")
        rest = self._resampler.finish() if self._resampler else silence(0)
        self._resampler = Resampler(rate, self._settings.sample_rate)
        self._input_rate = rate
        return rest, self._resampler

    def _after_resampling(self, samples: Samples) -> Samples:
        self._resampled += len(samples)
        return self._after_levelling(self._leveller.process(samples) if self._leveller else samples)

    def _after_levelling(self, samples: Samples) -> Samples:
        kept = self._trimmer.process(samples)
        return self._fader.process(self._tempo.process(kept if self._settings.trim_silence else samples))
