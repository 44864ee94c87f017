"""When the audio that a request's client has received is used up.

A client is taken to play the audio as it comes and at its own speed, from the first chunk on.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class Playback:
    """The audio that has left for one request so far."""

    began_at: float | None = None
    """When its first audio left."""
    seconds: dict[int, float] = field(default_factory=dict)
    """Seconds of audio by segment; for an unfinished segment the seconds that are expected."""

    def underrun_at(self, index: int, sent: float) -> float | None:
        """When the audio runs out if no more comes of a segment, `sent` seconds of which have left.

        None before any audio has left.
        """
        if self.began_at is None:
            return None
        return self.began_at + sum(s for i, s in self.seconds.items() if i < index) + sent
