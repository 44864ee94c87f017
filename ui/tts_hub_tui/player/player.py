"""The player: plays recordings, gaplessly, while they still grow."""

from __future__ import annotations

import threading

from tts_hub_tui.player.loudspeaker import (
    DeviceLoudspeaker,
    Fill,
    Loudspeaker,
    LoudspeakerError,
    OutputDevice,
    SilentLoudspeaker,
    find_device,
)
from tts_hub_tui.player.playback import Playback, PlaybackState
from tts_hub_tui.storage.recording import Recording


class Player:
    """Plays one recording at a time; `play` ends the one before. Its methods belong to one thread."""

    def __init__(self) -> None:
        """Open nothing yet."""
        self.device = ""
        """The name of the output device."""
        self.silence_reason = ""
        """Why there is no sound; empty when there is."""
        self.recording: Recording | None = None
        """The recording that is played, or was played last."""
        self._found: OutputDevice | None = None
        self._finding = threading.Lock()
        self._playback: Playback | None = None

    def open(self) -> None:
        """Look for the device. Blocks; never raises: without a device, time passes as if there were one."""
        with self._finding:
            self._find()

    @property
    def state(self) -> PlaybackState:
        """Whether it plays."""
        return "idle" if self._playback is None else self._playback.state

    @property
    def position(self) -> float:
        """Seconds of the recording that have sounded."""
        return 0.0 if self._playback is None else self._playback.position

    @property
    def underruns(self) -> int:
        """How often there was nothing to play before the end of the recording."""
        return 0 if self._playback is None else self._playback.underruns

    @property
    def level(self) -> float:
        """The peak of the present block, 0 to 1."""
        return 0.0 if self._playback is None else self._playback.level

    def play(self, recording: Recording, start: float = 0.0, *, paused: bool = False) -> None:
        """Play from `start` seconds on; `paused` waits for `resume`."""
        before = self._playback
        if before is not None:
            before.stop()
        self.recording = recording
        self._playback = Playback(
            recording,
            start,
            paused=paused,
            after=before,
            open_loudspeaker=self._open_loudspeaker,
            on_silence=self.go_silent,
        )

    def pause(self) -> None:
        """Be silent from the next block on; `resume` continues with the very next sample."""
        if self._playback is not None and self.state != "idle":
            self._playback.is_paused = True

    def resume(self) -> None:
        """Continue."""
        if self._playback is not None:
            self._playback.is_paused = False

    def stop(self) -> None:
        """Be silent from the next block on, and close the device."""
        if self._playback is not None:
            self._playback.stop()

    def seek(self, seconds: float) -> None:
        """Continue from there; a recording that has ended is played again."""
        if self.recording is not None:
            paused = self.state == "paused"
            self.play(self.recording, min(max(0.0, seconds), self.recording.seconds), paused=paused)

    def close(self) -> None:
        """Stop, and wait until the device is closed."""
        if self._playback is not None:
            self._playback.stop()
            self._playback.join()

    def go_silent(self, reason: str) -> None:
        """Note that there is no sound any more; the next `play` tries again. Any thread may call it."""
        self.device, self.silence_reason = "", reason

    def _open_loudspeaker(self, sample_rate: int, fill: Fill) -> Loudspeaker:
        with self._finding:
            found = self._found or self._find()  # `play` may come before `open` has ended
        if found.sounddevice is None:
            return SilentLoudspeaker(sample_rate, fill)
        try:
            opened = DeviceLoudspeaker(found.sounddevice, sample_rate, fill)
        except LoudspeakerError as exc:
            self.go_silent(f"the audio device refuses: {exc}")
            return SilentLoudspeaker(sample_rate, fill)
        self.device, self.silence_reason = found.name, ""
        return opened

    def _find(self) -> OutputDevice:
        self._found = found = find_device()
        self.device, self.silence_reason = found.name, found.silence_reason
        return found
