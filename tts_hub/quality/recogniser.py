"""The recogniser: speech to text by Whisper, through faster-whisper, the same text each time."""

from __future__ import annotations

import threading
from typing import Any, Protocol

from tts_hub.audio.filter import resampled
from tts_hub.errors import BackendUnavailableError, shown
from tts_hub.quality.packages import WORD_ERRORS
from tts_hub.types import Samples

RATE = 16_000
"""Hz, the rate of all models here."""
USUAL_MODEL = "base"


class Recogniser(Protocol):
    """Writes down what is said in audio. Blocks while it works: call it in a thread."""

    def transcribe(self, samples: Samples, sample_rate: int, language: str) -> str:
        """The text of audio of shape (T,); `language` is a BCP 47 tag."""


class WhisperRecogniser:
    """Whisper on the processor, with 8 bit weights.

    It searches without drawing at random, so the same audio gives the same text each time.
    """

    def __init__(self, model: str = USUAL_MODEL, *, threads: int = 0) -> None:
        """Load the model, which takes a second or two.

        Args:
            model: a folder in the format of CTranslate2, or a size, which faster-whisper downloads.
            threads: processor threads; 0: one for each core, up to four.

        Raises:
            BackendUnavailableError: faster-whisper is not installed, or there is no such model.
        """
        WORD_ERRORS.require()
        from faster_whisper import WhisperModel

        try:
            self._model: Any = WhisperModel(model, device="cpu", compute_type="int8", cpu_threads=threads)
        except Exception as exc:
            # Errors of the download and of the reader, without a common base class.
            raise BackendUnavailableError(
                f"the recogniser {shown(model)} can be neither read nor downloaded: {shown(str(exc))}",
                backend="quality",
                remedy="name a folder with a Whisper model for CTranslate2: --recogniser FOLDER",
            ) from exc
        self._lock = threading.Lock()

    def transcribe(self, samples: Samples, sample_rate: int, language: str) -> str:
        """The text of audio of shape (T,); one call at a time, others wait."""
        with self._lock:
            parts, _ = self._model.transcribe(
                resampled(samples, sample_rate, RATE),
                language=language.partition("-")[0],
                beam_size=5,
                temperature=0.0,  # others are tried, at random, where the first text looks bad
                condition_on_previous_text=False,
                without_timestamps=True,
            )
            return " ".join(part.text.strip() for part in parts).strip()
