"""The limits of speed and sample rate for the audio of the hub."""

from __future__ import annotations

from typing import Final

SPEEDS: Final = (0.25, 4.0)
"""The slowest and the fastest speed of a request; where the engine cannot do it, the audio is stretched."""
SPEECH_RATES: Final = range(8_000, 192_001)
"""Sample rates in Hz; a format may hold fewer of them."""
DEFAULT_RATE: Final = 24_000
"""The sample rate in Hz of most engines, and of audio where nothing else is configured."""

HEADROOM = 4.0
"""The largest sample that an engine may give. Models overshoot full scale now and then, up to 1.3. Cut off in
the engine, such peaks would be heard; the hub levels the speech anyway, and its limiter keeps them."""
