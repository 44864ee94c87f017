"""One text on one engine: audio in pieces of a useful length, with the words that are complete."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tts_hub.errors import InvalidTextError, NoAudioError
from tts_hub.threads import Emit
from tts_hub.types import AudioChunk, Samples, WordTiming
from tts_hub_espeak import native
from tts_hub_espeak.engine import Engine, SpeechParameters, WordEvent
from tts_hub_espeak.words import WordTimer

SECOND_CHUNK_SECONDS = 0.15
"""Length of the second chunk: the first is as short as the library makes it, later ones double."""
LONGEST_CHUNK_SECONDS = 0.6
CONTROLS = {code: " " for code in range(32) if chr(code) not in "\t\n\r"}
"""Control character -> space: to the library they are commands that could change voice or volume."""
SHOWN_CHARS = 40
"""Characters of the text that an error shows."""


class Speech:
    """The blocking side of a request; `produce` runs in a thread of its own."""

    def __init__(
        self, engine: Engine, text: str, parameters: SpeechParameters, gain: float, *, ssml: bool
    ) -> None:
        self._engine = engine
        self._text = text
        self._parameters = parameters
        self._gain = np.float32(gain)
        self._ssml = ssml
        self._timer = WordTimer(text, engine.sample_rate, ssml=ssml)
        self._samples: list[Samples] = []
        self._words: list[WordTiming] = []
        self._wanted = 1  # samples that a chunk must have to go

    def produce(self, emit: Emit[AudioChunk]) -> None:
        """Speak the whole text.

        Raises:
            GenerationError: the engine failed.
            NoAudioError: the engine made no sound for a text with letters or digits.
            Stopped: raised by `emit` when the audio is not wanted any more.
        """

        def collect(samples: Samples, events: Sequence[WordEvent]) -> None:
            # The last piece stays here until another one comes: it leaves with the last words.
            if len(samples) and sum(map(len, self._samples)) >= self._wanted:
                emit(self._chunk())
                self._wanted = min(
                    max(int(SECOND_CHUNK_SECONDS * self._engine.sample_rate), 2 * self._wanted),
                    int(LONGEST_CHUNK_SECONDS * self._engine.sample_rate),
                )
            self._samples.append(samples)
            self._words += self._timer.feed(samples, events)

        self._engine.speak(self._encoded(), self._parameters, collect, ssml=self._ssml)
        self._words += self._timer.finish()
        if any(map(len, self._samples)):
            emit(self._chunk())
        if self._timer.silent and not self._ssml and any(map(str.isalnum, self._text)):
            raise NoAudioError(
                f"espeak-ng cannot read {_beginning(self._text)}: it made no sound", backend=native.BACKEND
            )

    def _encoded(self) -> bytes:
        """The text in UTF-8, with the same number of characters."""
        try:
            return self._text.translate(CONTROLS).encode()
        except UnicodeEncodeError as exc:
            raise InvalidTextError(f"character {exc.start} of the text is half of a surrogate pair") from exc

    def _chunk(self) -> AudioChunk:
        # Only the loudest effects of `x-loud` SSML ever reach full scale here.
        samples = np.clip(np.concatenate(self._samples) * self._gain, -1, 1)
        words = tuple(self._words)
        self._samples, self._words = [], []
        return AudioChunk(samples, self._engine.sample_rate, words)


def _beginning(text: str) -> str:
    """The beginning of the text, in quotes."""
    return repr(text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}…")
