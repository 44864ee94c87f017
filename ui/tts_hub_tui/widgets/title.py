"""The title line of the main screen."""

from __future__ import annotations

from textual.widgets import Static


class TitleLine(Static):
    """Names the hub that generates speech and the device that plays it."""

    def __init__(self, hub: str, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        """`hub` is the hub's name."""
        super().__init__("", id=id, markup=False)
        self._hub = hub
        self._shown: tuple[str, str] | None = None

    def show(self, device: str, silence_reason: str) -> None:
        """Name the device, or notify the user why there is no sound."""
        if (device, silence_reason) == self._shown:
            return
        self._shown = device, silence_reason
        sound = f"no sound: {silence_reason}" if silence_reason else f"♪ {device}"
        self.update(f"tts-hub studio · {self._hub} · {sound}")
        if silence_reason:
            self.notify(
                f"{silence_reason}\nSpeech is made without sound; Ctrl+S saves it.",
                title="No loudspeaker",
                severity="warning",
                timeout=8,
                markup=False,
            )
