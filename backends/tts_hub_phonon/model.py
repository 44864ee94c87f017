"""A loaded model of the package `ptts`, and one stream of it. Blocking, any thread may use it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from tts_hub.audio.limits import HEADROOM
from tts_hub.download.folders import unsound_of
from tts_hub.errors import GenerationError
from tts_hub.types import AudioChunk, Samples
from tts_hub_phonon.checkpoints import MODEL
from tts_hub_phonon.clips import read_speaker
from tts_hub_phonon.files import LocalCheckpoint, unusable
from tts_hub_phonon.voices import FoundVoice

if TYPE_CHECKING:
    import ptts

NORMALISED = ("en", "fr", "de", "es", "pt")
"""Languages in which the package puts numbers and abbreviations into words."""
NO_LANGUAGE = "none"


class LoadedModel:
    """A model that can speak; several streams may run at once."""

    def __init__(self, tts: ptts.TTS) -> None:
        self._tts = tts
        self._added: set[str] = set()
        self._adding = threading.Lock()

    def add(self, found: FoundVoice) -> None:
        """Add a voice of the user's folder, unless it was added before; a clip takes some seconds.

        Raises:
            BackendUnavailableError: the file is no voice or no clip.
        """
        with self._adding:
            name, file = found.voice.id, found.added
            if file is None or name in self._added:
                return
            try:
                if found.is_clip:
                    self._tts.clone_voice(name, read_speaker(file, self._tts.voice_prompt_sample_rate))
                else:
                    self._tts.add_voice(name, str(file))
            except (ValueError, RuntimeError, LookupError, OSError) as exc:
                raise unusable(f"voice {name!r} of {file}: {first_line(exc)}", f"replace {file}") from exc
            self._added.add(name)

    def speak(
        self, text: str, language: str, *, voice: str, seed: int, temperature: float, stop: Stop
    ) -> Iterator[AudioChunk]:
        """Speak a text in a language (BCP 47), a frame of 80 ms or several at a time.

        Raises:
            GenerationError: the model failed.
        """
        try:
            said = _spelled_out(text, language)
            with self._tts.stream(said, voice=voice, seed=seed, temperature=temperature) as stream:
                stop.attach(stream)
                rate = stream.sample_rate
                for samples in stream:
                    yield AudioChunk(_checked(samples), rate)
        except (ValueError, RuntimeError, LookupError, OSError) as exc:
            raise GenerationError(f"Phonon: {first_line(exc)}", backend=MODEL) from exc


class Stop:
    """Stops a stream from another thread, also one that begins later."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stream: ptts.AudioStream | None = None
        self._stopped = False

    def attach(self, stream: ptts.AudioStream) -> None:
        """Take the stream to stop."""
        with self._lock:
            self._stream = stream
            if self._stopped:
                stream.close()

    def stop(self) -> None:
        """End the stream within one frame."""
        with self._lock:
            self._stopped = True
            if self._stream is not None:
                self._stream.close()


def load_model(checkpoint: LocalCheckpoint, *, quant: str, threads: int | None, remedy: str) -> LoadedModel:
    """Check the files and load the model. Blocking, about a second.

    Raises:
        BackendUnavailableError: the package is missing, or a file is missing or damaged.
    """
    if damaged := unsound_of(checkpoint.places):
        names = ", ".join(place.file.name for place in damaged)
        message = f"{names} in {checkpoint.folder} is damaged: its checksum is wrong"
        raise unusable(message, checkpoint.remedy)
    try:
        import ptts  # may be missing
    except ImportError as exc:
        raise unusable(f"a package is missing: {exc.name}", remedy) from exc
    if threads is not None:
        ptts.set_num_threads(threads)
    try:  # a folder: the package downloads nothing then
        return LoadedModel(ptts.TTS(str(checkpoint.folder), quant=quant, lang=NO_LANGUAGE))
    except (ValueError, RuntimeError, LookupError, OSError) as exc:
        message = f"{checkpoint.folder} cannot be loaded: {first_line(exc)}"
        raise unusable(message, checkpoint.remedy) from exc


def first_line(exc: BaseException) -> str:
    """The message of the package's error, without the stack behind it."""
    return next(iter(str(exc).splitlines()), "") or type(exc).__name__


def _spelled_out(text: str, language: str) -> str:
    """A text as the package itself would hand it to the model, for any language of a multilingual one."""
    import ptts

    primary = language.partition("-")[0]
    return ptts.normalize(text, lang=primary) if primary in NORMALISED else text


def _checked(samples: Samples) -> Samples:
    if not np.isfinite(samples).all():
        raise GenerationError("Phonon: the model generated samples that are not numbers", backend=MODEL)
    clipped: Samples = np.clip(samples, -HEADROOM, HEADROOM)
    return clipped
