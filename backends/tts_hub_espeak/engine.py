"""One espeak-ng engine: a private library that speaks one text at a time, and can be stopped midway."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tts_hub.audio.pcm import BYTES_PER_SAMPLE, S16_FULL_SCALE, silence
from tts_hub.errors import BackendUnavailableError, GenerationError
from tts_hub.types import Samples
from tts_hub_espeak import native

NOISE_SEED = 1  # the library's own seed is the time of day: no two engines would sound quite the same
BUFFER_MS = 60  # the shortest piece of audio that the library delivers
FULL_SCALE = np.float32(1 / S16_FULL_SCALE)
"""Value of one step of the library's 16-bit samples."""


@dataclass(frozen=True, slots=True)
class LibraryVoice:
    """A voice or a variant as the library lists it."""

    name: str
    identifier: str
    """File below the voices folder, such as `gmw/en-US` or `!v/f3`."""
    languages: tuple[tuple[str, int], ...]
    """Tags with their priority: of two voices for a tag, the lower number is the better one."""
    female: bool


@dataclass(frozen=True, slots=True)
class SpeechParameters:
    """How to speak a text, in the library's own units."""

    voice: str
    """Identifier of the voice, with `+variant` where there is one."""
    rate: int
    """Speed in words per minute, 80 to 449."""
    pitch: int
    """Height of the voice, 0 to 99."""
    pitch_range: int
    """Range of the melody, 0 to 99."""
    volume: int
    """Volume, 0 to 200; the library's default is 100."""
    word_gap: int
    """Pause between words; see `backend.GAP_UNIT`."""

    def numbered(self) -> dict[int, int]:
        """Number in the enum `espeak_PARAMETER` -> value."""
        return {1: self.rate, 2: self.volume, 3: self.pitch, 4: self.pitch_range, 7: self.word_gap}


@dataclass(frozen=True, slots=True)
class WordEvent:
    """The beginning of a word in the audio."""

    position: int
    """Index of its first character in the text."""
    sample: int
    """Index of its first sample in the audio of the text."""


AudioCallback = Callable[[Samples, Sequence[WordEvent]], None]
"""Function that takes a piece of audio and the words that begin in it; it may block, or raise to stop."""


class Engine:
    """A private espeak-ng. Use it from one thread at a time."""

    def __init__(self, library: Path, data: Path) -> None:
        """Load and initialise a copy of `library`.

        Raises:
            BackendUnavailableError: the library cannot be loaded, or refuses the data folder.
        """
        self._library = native.PrivateLibrary(library)
        self._c: Any = self._library.functions
        self._audio_callback: AudioCallback | None = None
        self._failure: BaseException | None = None
        self.sample_rate: int
        """Samples in a second of its audio."""
        self.broken = False
        """Whether it has failed and must be replaced."""
        # The library keeps bare pointers to these, so they must live as long as it does.
        self._synth_callback = native.SynthCallback(self._on_audio)
        self._uri_callback = native.UriCallback(_refuse_file)
        self._data = data
        self._marked = False
        try:
            self.sample_rate = self._start()
        except BackendUnavailableError:
            self._library.close()
            raise

    @property
    def version(self) -> str:
        """The version of the library, such as `1.52.0`."""
        return str(self._c.espeak_Info(None).decode())

    def voices(self) -> tuple[LibraryVoice, ...]:
        """The voices that can speak: all but MBROLA's and those whose dictionary is not installed."""
        listed = self._listed(None)
        return tuple(v for v in listed if not v.identifier.startswith("mb/") and _readable(v, self._data))

    def variants(self) -> tuple[LibraryVoice, ...]:
        """The variants, which change the timbre of any voice."""
        keep = ctypes.create_string_buffer(b"variant")
        wanted = native.VoiceRecord(languages=ctypes.addressof(keep))
        return tuple(self._listed(ctypes.byref(wanted)))

    def speak(
        self, text: bytes, parameters: SpeechParameters, on_audio: AudioCallback, *, ssml: bool = False
    ) -> None:
        """Speak UTF-8 `text` and pass its audio to `on_audio`; returns at the end of the audio.

        An exception of `on_audio` stops the engine within one buffer, and is raised here.

        Raises:
            GenerationError: the library refuses the voice, a value or the text.
        """
        if self._marked:
            self._start()
        self._marked = ssml
        self._set(parameters)
        self._audio_callback, self._failure = on_audio, None
        flags = native.CHARS_UTF8 | (native.SSML if ssml else 0)
        try:
            status = self._c.espeak_Synth(
                text, len(text) + 1, 0, native.POSITION_CHARACTER, 0, flags, None, None
            )
            failure = self._failure
        finally:
            self._audio_callback = self._failure = None
        if failure is not None:
            raise failure
        self._check(status, "to speak")

    def close(self) -> None:
        """Unload the library; the engine cannot be used any more."""
        self._c.espeak_Terminate()
        self._library.close()

    def _start(self) -> int:
        """Initialise the library; returns the sample rate in Hz.

        It is done again after every SSML document: a document that ends or is stopped inside `<emphasis>`
        would make all later texts louder, and nothing else undoes that.
        """
        rate: int = self._c.espeak_Initialize(
            native.OUTPUT_SYNCHRONOUS, BUFFER_MS, str(self._data).encode(), native.DONT_EXIT
        )
        if rate <= 0:
            self.broken = True
            raise BackendUnavailableError(
                f"espeak-ng does not start with the data folder {self._data}",
                backend=native.BACKEND,
                remedy=f"{native.REMEDY} --force-reinstall",
            )
        self._c.espeak_SetSynthCallback(self._synth_callback)
        self._c.espeak_SetUriCallback(self._uri_callback)
        self._c.espeak_ng_SetRandSeed(NOISE_SEED)
        return rate

    def _set(self, parameters: SpeechParameters) -> None:
        """Set all parameters for every text: the library keeps those of the text before."""
        self._check(self._c.espeak_SetVoiceByName(parameters.voice.encode()), f"voice {parameters.voice!r}")
        for number, value in parameters.numbered().items():
            self._check(self._c.espeak_SetParameter(number, value, 0), f"parameter {number} = {value}")

    def _check(self, status: int, what: str) -> None:
        if status != 0:
            self.broken = True
            meaning = native.STATUS.get(status, "unknown error")
            raise GenerationError(
                f"espeak-ng failed at {what}: {meaning} (code {status})", backend=native.BACKEND
            )

    def _on_audio(self, samples: int | None, count: int, events: Any) -> int:
        """Take a piece of audio from the library; 0 lets it continue, 1 stops it."""
        try:
            if self._audio_callback is not None:
                self._audio_callback(_copied(samples, count), list(_word_events(events)))
        except BaseException as exc:  # noqa: BLE001 - ctypes would swallow it; `speak` raises it
            self._failure = exc
            return 1
        return 0

    def _listed(self, wanted: Any) -> Iterator[LibraryVoice]:
        records = self._c.espeak_ListVoices(wanted)
        number = 0
        while records[number]:
            record = records[number].contents
            yield LibraryVoice(
                name=record.name.decode().strip(),
                identifier=record.identifier.decode(),
                languages=tuple(_languages(record.languages)),
                female=record.gender == 2,
            )
            number += 1


def _refuse_file(_kind: int, _uri: bytes | None, _base: bytes | None) -> int:
    """Refuse the file of `<audio src>` in SSML, so that the text inside the element is spoken instead.

    Without this callback the library reads any file that a document names.
    """
    return 1


def _copied(samples: int | None, count: int) -> Samples:
    """A copy of the 16-bit samples at an address of the library, as float32 in [-1, 1)."""
    if samples is None or count <= 0:
        return silence(0)
    return (
        np.frombuffer(ctypes.string_at(samples, BYTES_PER_SAMPLE * count), np.int16).astype(np.float32)
        * FULL_SCALE
    )


def _word_events(events: Any) -> Iterator[WordEvent]:
    number = 0
    while (event := events[number]).type != native.EVENT_END_OF_LIST:
        if event.type == native.EVENT_WORD:
            yield WordEvent(event.text_position - 1, event.sample)
        number += 1


def _readable(voice: LibraryVoice, data: Path) -> bool:
    """Whether a voice has a dictionary: the one of its language, or the one that its file names."""
    language = voice.languages[0][0].partition("-")[0]
    if (data / f"{language}_dict").exists():
        return True
    definition = data / "lang" / voice.identifier
    if not definition.exists():
        return False
    named = re.search(r"^dictionary\s+(\w+)", definition.read_text("utf-8"), re.MULTILINE)
    return named is not None and (data / f"{named[1]}_dict").exists()


def _languages(address: int) -> Iterator[tuple[str, int]]:
    """Decode a list of (priority byte, tag, NUL) that ends with a priority of zero."""
    while priority := ctypes.string_at(address, 1)[0]:
        tag = ctypes.string_at(address + 1)
        yield tag.decode().lower(), priority
        address += len(tag) + 2
