"""When the audio that a request has received is used up.

A client is taken to play the audio as it comes and at its own speed, from the first chunk on.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class Listener:
    """What one request has been given so far."""

    began_at: float | None = None
    """When its first audio left."""
    seconds: dict[int, float] = field(default_factory=dict)
    """Of audio by segment; of one under way what it will come to."""

    def runs_dry(self, index: int, sent: float) -> float | None:
        """When the audio of a segment is used up, of which so much was sent; None before anything began."""
        if self.began_at is None:
            return None
        return self.began_at + sum(s for i, s in self.seconds.items() if i < index) + sent
