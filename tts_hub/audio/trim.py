"""The two ends of a segment: silence removed while the audio streams, and soft edges."""

from __future__ import annotations

import numpy as np

from tts_hub.audio.pcm import fade_in_curve, fade_out_curve, silence
from tts_hub.types import Samples


class SilenceTrimmer:
    """Drops the silence before the first and after the last sound; silence in between stays.

    A sample counts as sound when its amplitude reaches `threshold`. `lead` samples before the first sound
    and `tail` samples after the last one are kept, because speech begins and ends more softly.
    Sound is never held back. Silence beyond the tail is held back until sound follows it.
    """

    def __init__(self, threshold: float, lead: int, tail: int) -> None:
        self._threshold = threshold
        self._lead = lead
        self._tail = tail
        self._tail_left = 0
        self._held: list[Samples] = []
        self.has_sound = False
        """Whether some sound has come."""
        self.dropped_lead = 0
        """Samples that were removed at the front so far."""

    def process(self, samples: Samples) -> Samples:
        """Trim samples of shape (T,); returns those that are sure to stay."""
        loud = np.flatnonzero(np.abs(samples) >= self._threshold)
        if not loud.size:
            return self._pass_tail(samples) if self.has_sound else self._hold_lead(samples)
        sounding, rest = np.split(samples, [loud[-1] + 1])
        before = self._take_held()
        if not self.has_sound:
            self.has_sound = True
            cut = max(0, len(before) + int(loud[0]) - self._lead)
            before, sounding = before[cut:], sounding[max(0, cut - len(before)) :]
            self.dropped_lead += cut
        self._tail_left = self._tail
        return np.concatenate([before, sounding, self._pass_tail(rest)])

    def _hold_lead(self, samples: Samples) -> Samples:
        silent = np.concatenate([self._take_held(), samples])
        cut = max(0, len(silent) - self._lead)
        self.dropped_lead += cut
        self._held = [silent[cut:]]
        return silence(0)

    def _pass_tail(self, samples: Samples) -> Samples:
        tail, beyond = samples[: self._tail_left], samples[self._tail_left :]
        self._tail_left -= len(tail)
        self._held.append(beyond)
        return tail

    def _take_held(self) -> Samples:
        held, self._held = self._held, []
        return np.concatenate(held) if held else silence(0)


class Fader:
    """Fades `length` samples in at the beginning and out at the end, along a raised cosine.

    Holds back `length` samples, since any of them may turn out to be among the last.
    """

    def __init__(self, length: int) -> None:
        self._length = length
        self._rising = fade_in_curve(length)
        self._position = 0
        self._held = silence(0)

    def process(self, samples: Samples) -> Samples:
        """Fade samples of shape (T,); returns those that are not among the last `length` so far."""
        known = np.concatenate([self._held, self._faded_in(samples)])
        ready = max(0, len(known) - self._length)
        self._held = known[ready:]
        return known[:ready]

    def finish(self) -> Samples:
        """The last samples, faded out."""
        return self._held * fade_out_curve(len(self._held))

    def _faded_in(self, samples: Samples) -> Samples:
        curve = self._rising[self._position : self._position + len(samples)]
        self._position += len(samples)
        if not len(curve):
            return samples
        return np.concatenate([samples[: len(curve)] * curve, samples[len(curve) :]])
