"""The playback of one recording."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Literal

import numpy as np

from tts_hub.errors import TTSHubError
from tts_hub.types import Samples
from tts_hub_tui.player.loudspeaker import Fill, Loudspeaker, SilentLoudspeaker
from tts_hub_tui.player.source import Source
from tts_hub_tui.storage.recording import Recording

PlaybackState = Literal["idle", "playing", "waiting", "paused"]
"""`waiting`: all that has been recorded so far is played, and more comes."""
READ_AHEAD = 1.0
"""Seconds that are kept ready for the device."""
BEGIN_WITH = 0.1
"""Seconds that must be ready before the first sound."""
TICK = 0.01
"""Seconds between two looks of the thread that reads ahead."""
logger = logging.getLogger(__name__)


class Playback:
    """Plays a recording once: one thread reads ahead, the loudspeaker's thread takes the samples."""

    def __init__(
        self,
        recording: Recording,
        start: float,
        *,
        paused: bool,
        after: Playback | None,
        open_loudspeaker: Callable[[int, Fill], Loudspeaker],
        on_silence: Callable[[str], None],
    ) -> None:
        """Start the thread.

        Args:
            recording: may still grow.
            start: seconds of the recording that are skipped.
            paused: begin paused.
            after: the playback that must have closed its loudspeaker before.
            open_loudspeaker: opens a device for a sample rate in Hz; called by the thread.
            on_silence: called by the thread with the reason when the device is lost.
        """
        self.is_paused = paused
        self.underruns = 0
        self.level = 0.0
        self._recording = recording
        self._start = round(start * recording.sample_rate)
        self._after = after
        self._open_loudspeaker = open_loudspeaker
        self._on_silence = on_silence
        self._ready: deque[Samples] = deque()
        self._ready_frames = 0
        self._all_read = False
        self._begun = False
        self._dry = False
        self._stopped = threading.Event()
        self._over = False
        """The loudspeaker has taken all samples."""
        self._rate = recording.sample_rate
        """The loudspeaker's sample rate in Hz."""
        self._taken = 0
        """Samples that the loudspeaker has taken, at its rate."""
        self._clock = (start, start, 0.0)
        """The block that was taken last: the seconds where it begins and ends, and when it sounds."""
        self._position = start
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="player", daemon=True)
        self._thread.start()

    @property
    def state(self) -> PlaybackState:
        """Idle after the last sample has sounded, and after `stop`."""
        if self._stopped.is_set() or (self._over and self.position >= self._clock[1]):
            return "idle"
        if self.is_paused:
            return "paused"
        return "waiting" if self._dry or not self._begun else "playing"

    @property
    def position(self) -> float:
        """Seconds of the recording that have sounded."""
        begin, end, at = self._clock
        if at:
            # Before the time `at` the device still plays the audio before this block.
            self._position = max(self._position, min(end, begin + time.monotonic() - at))
        return self._position

    def stop(self) -> None:
        """Be silent from the next block on."""
        self._stopped.set()

    def join(self) -> None:
        """Wait until the loudspeaker is closed."""
        self._thread.join()

    def fill(self, out: Samples, delay: float) -> None:
        """Write the loudspeaker's next block, shape (T,), which sounds in `delay` seconds."""
        at = 0
        with self._lock:
            if not (self._stopped.is_set() or self.is_paused or not self._begun):
                at = self._take(out)
        out[at:] = 0.0
        self.level = float(np.max(np.abs(out[:at]), initial=0.0))
        if at:
            begin = self._start / self._recording.sample_rate + self._taken / self._rate
            self._taken += at
            self._position = self.position
            self._clock = (begin, begin + at / self._rate, time.monotonic() + delay)
        if self._all_read and not self._ready_frames and self._begun:
            self._over = True

    def _take(self, out: Samples) -> int:
        """Fill as much of a block as is ready; the number of samples."""
        at = 0
        while at < len(out) and self._ready:
            piece = self._ready.popleft()
            part = piece[: len(out) - at]
            out[at : at + len(part)] = part
            at += len(part)
            if len(part) < len(piece):
                self._ready.appendleft(piece[len(part) :])
        self._ready_frames -= at
        dry = at < len(out) and not self._all_read
        if dry and not self._dry:
            self.underruns += 1
        if dry:
            self._begun = False  # one long pause instead of many short ones
        self._dry = dry
        return at

    def _run(self) -> None:
        if self._after is not None:  # many devices refuse to be opened twice
            self._after.join()
            self._after = None
        loudspeaker: Loudspeaker | None = None
        try:
            loudspeaker = self._open_loudspeaker(self._rate, self.fill)
            source = Source(self._recording, self._start, loudspeaker.sample_rate)
            self._rate = loudspeaker.sample_rate
            while not self._stopped.is_set() and self.state != "idle":
                self._read_ahead(source)
                if not loudspeaker.is_alive and not self._over:
                    loudspeaker.close()
                    self._on_silence("the audio device was disconnected")
                    loudspeaker = SilentLoudspeaker(self._rate, self.fill)
                self._stopped.wait(TICK)
        except TTSHubError as exc:
            logger.warning("playback ended: %s", exc)
        finally:
            self._stopped.set()
            if loudspeaker is not None:
                loudspeaker.close()

    def _read_ahead(self, source: Source) -> None:
        while self._ready_frames < READ_AHEAD * self._rate and not self._all_read:
            piece, is_last = source.next()
            with self._lock:
                if len(piece):
                    self._ready.append(piece)
                    self._ready_frames += len(piece)
                self._all_read = is_last
                self._begun = self._begun or is_last or self._ready_frames >= BEGIN_WITH * self._rate
            if not len(piece):
                break
