"""Playing a recording, gaplessly, while it still grows."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from typing import Literal

import numpy as np

from tts_hub.audio.filter import Resampler
from tts_hub.errors import TTSHubError
from tts_hub.types import Samples
from tts_hub_tui.player.loudspeaker import (
    DeviceLoudspeaker,
    Fill,
    Found,
    Loudspeaker,
    LoudspeakerError,
    SilentLoudspeaker,
    find_loudspeaker,
)
from tts_hub_tui.storage.recording import Recording

PlayerState = Literal["idle", "playing", "waiting", "paused"]
READ_AHEAD = 1.0
"""Seconds that are kept ready for the device."""
PIECE = 0.1
"""Seconds that are read at a time."""
BEGIN_WITH = 0.1
"""Seconds that must be there before the first sound."""
TICK = 0.01
"""Seconds between two looks of the thread that reads ahead."""
logger = logging.getLogger(__name__)


class Player:
    """Plays one recording at a time; `play` ends the one before. Its methods belong to one thread."""

    def __init__(self) -> None:
        """Nothing is opened yet."""
        self.device = ""
        """What it plays on."""
        self.silence_reason = ""
        """Why nothing can be heard; empty when something can."""
        self.recording: Recording | None = None
        """The one that is played, or was last."""
        self._found: Found | None = None
        self._finding = threading.Lock()
        self._play: _Play | None = None

    def open(self) -> None:
        """Look for the device. Blocks; never raises: without one, time passes as if it were heard."""
        with self._finding:
            self._find()

    @property
    def state(self) -> PlayerState:
        """`waiting`: all that is made so far has been heard, and more comes."""
        return "idle" if self._play is None else self._play.state

    @property
    def position(self) -> float:
        """Seconds of the recording that have reached the ear."""
        return 0.0 if self._play is None else self._play.position

    @property
    def underruns(self) -> int:
        """How often the recording had come to an end before its end."""
        return 0 if self._play is None else self._play.underruns

    @property
    def level(self) -> float:
        """The peak of what is heard now, 0 to 1."""
        return 0.0 if self._play is None else self._play.level

    def play(self, recording: Recording, start: float = 0.0, *, paused: bool = False) -> None:
        """From `start` seconds on; `paused`: once it is resumed."""
        self._begin(recording, start, paused=paused)

    def pause(self) -> None:
        """Silence from the next block on; `resume` goes on with the very next sample."""
        if self._play is not None and self.state != "idle":
            self._play.is_paused = True

    def resume(self) -> None:
        """Go on."""
        if self._play is not None:
            self._play.is_paused = False

    def stop(self) -> None:
        """Silence from the next block on, and the device is let go."""
        if self._play is not None:
            self._play.stop()

    def seek(self, seconds: float) -> None:
        """Go on from there; a recording that has ended is played again."""
        if self.recording is not None:
            paused = self.state == "paused"
            self._begin(self.recording, min(max(0.0, seconds), self.recording.seconds), paused=paused)

    def close(self) -> None:
        """Stop, and wait until the device is free."""
        if self._play is not None:
            self._play.stop()
            self._play.join()

    def _begin(self, recording: Recording, start: float, *, paused: bool) -> None:
        before = self._play
        if before is not None:
            before.stop()
        self.recording = recording
        self._play = _Play(self, recording, start, before, paused=paused)

    def loudspeaker(self, sample_rate: int, fill: Fill) -> Loudspeaker:
        """Open what there is to play on; called by the thread that plays."""
        with self._finding:
            found = self._found or self._find()  # the first sound may be wanted before anybody has looked
        if found.sounddevice is None:
            return SilentLoudspeaker(sample_rate, fill)
        try:
            opened = DeviceLoudspeaker(found.sounddevice, sample_rate, fill)
        except LoudspeakerError as exc:
            self.tell_silence(f"the audio device refuses: {exc}")
            return SilentLoudspeaker(sample_rate, fill)
        self.device, self.silence_reason = found.name, ""
        return opened

    def tell_silence(self, reason: str) -> None:
        """Nothing is heard any more; the next play tries again. Called by the thread that plays."""
        self.device, self.silence_reason = "", reason

    def _find(self) -> Found:
        self._found = found = find_loudspeaker()
        self.device, self.silence_reason = found.name, found.silence_reason
        return found


class _Play:
    """One recording on its way to the ear: a thread reads ahead, the loudspeaker's thread takes."""

    def __init__(
        self,
        player: Player,
        recording: Recording,
        start: float,
        before: _Play | None,
        *,
        paused: bool,
    ) -> None:
        self.is_paused = paused
        self.underruns = 0
        self.level = 0.0
        self._player = player
        self._recording = recording
        self._start = round(start * recording.sample_rate)
        self._before = before
        self._ready: deque[Samples] = deque()
        self._ready_frames = 0
        self._all_read = False
        self._begun = False
        self._dry = False
        self._stopped = threading.Event()
        self._over = False
        """All of it was taken by the loudspeaker, or it was stopped."""
        self._rate = recording.sample_rate
        """Hz at the loudspeaker."""
        self._taken = 0
        """Samples at that rate."""
        self._clock = (start, start, 0.0)
        """Of the block taken last: the seconds where it begins and ends, and when it reaches the ear."""
        self._heard = start
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="player", daemon=True)
        self._thread.start()

    @property
    def state(self) -> PlayerState:
        if self._stopped.is_set() or (self._over and self.position >= self._clock[1]):
            return "idle"
        if self.is_paused:
            return "paused"
        return "waiting" if self._dry or not self._begun else "playing"

    @property
    def position(self) -> float:
        begin, end, at = self._clock
        if at:
            # Before `at` the ear is at what came before the block, so much earlier.
            self._heard = max(self._heard, min(end, begin + time.monotonic() - at))
        return self._heard

    def stop(self) -> None:
        self._stopped.set()

    def join(self) -> None:
        self._thread.join()

    def fill(self, out: Samples, delay: float) -> None:
        """The loudspeaker's next block, heard in `delay` seconds."""
        at = 0
        with self._lock:
            if not (self._stopped.is_set() or self.is_paused or not self._begun):
                at = self._take(out)
        out[at:] = 0.0
        self.level = float(np.max(np.abs(out[:at]), initial=0.0))
        if at:
            begin = self._start / self._recording.sample_rate + self._taken / self._rate
            self._taken += at
            self._heard = self.position
            self._clock = (begin, begin + at / self._rate, time.monotonic() + delay)
        if self._all_read and not self._ready_frames and self._begun:
            self._over = True

    def _take(self, out: Samples) -> int:
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
            self._begun = False  # not in crumbs: it goes on once there is enough again
        self._dry = dry
        return at

    def _run(self) -> None:
        if self._before is not None:  # two at once would be refused by many devices
            self._before.join()
            self._before = None
        loudspeaker: Loudspeaker | None = None
        try:
            loudspeaker = self._player.loudspeaker(self._rate, self.fill)
            source = _Source(self._recording, self._start, loudspeaker.sample_rate)
            self._rate = loudspeaker.sample_rate
            while not self._stopped.is_set() and self.state != "idle":
                self._read_ahead(source)
                if not loudspeaker.is_alive and not self._over:
                    loudspeaker.close()
                    self._player.tell_silence("the audio device was disconnected")
                    loudspeaker = SilentLoudspeaker(self._rate, self.fill)
                self._stopped.wait(TICK)
        except TTSHubError as exc:
            logger.warning("playback ended: %s", exc)
        finally:
            self._stopped.set()
            if loudspeaker is not None:
                loudspeaker.close()

    def _read_ahead(self, source: _Source) -> None:
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


class _Source:
    """The samples of a recording from a place on, at the loudspeaker's rate."""

    def __init__(self, recording: Recording, start: int, rate: int) -> None:
        self._recording = recording
        self._at = start
        own = recording.sample_rate
        self._resampler = Resampler(own, rate) if rate != own else None

    def next(self) -> tuple[Samples, bool]:
        """What has come, none where nothing has; and whether it was the last."""
        is_complete = self._recording.is_complete  # looked at first: what comes before it is then all there
        piece = self._recording.read(self._at, round(PIECE * self._recording.sample_rate))
        self._at += len(piece)
        # Nothing to read before the end: somebody has cut the file short.
        is_last = is_complete and (self._at >= self._recording.frames or not len(piece))
        if self._resampler is None:
            return piece, is_last
        resampled = self._resampler.process(piece)
        if is_last:
            resampled = np.concatenate([resampled, self._resampler.finish()])
        return resampled, is_last
