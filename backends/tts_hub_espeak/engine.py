"""One espeak-ng engine: a private library that speaks one text at a time, and is safe to leave midway."""

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

NOISE_SEED = 1  # else it is the time of day, and no two engines sound quite the same
BUFFER_MS = 60  # the least that the library delivers at once
FULL_SCALE = np.float32(1 / S16_FULL_SCALE)


@dataclass(frozen=True, slots=True)
class LibraryVoice:
    """A voice or a variant as the library lists it."""

    name: str
    identifier: str
    """File below the voices folder, such as `gmw/en-US` or `!v/f3`."""
    languages: tuple[tuple[str, int], ...]
    """Tags with their priority: a voice with a lower number is the better one for that tag."""
    female: bool


@dataclass(frozen=True, slots=True)
class SpeechParameters:
    """How to speak, in the library's own units."""

    voice: str
    """Identifier, with `+variant` where there is one."""
    rate: int
    """Words per minute, 80 to 449."""
    pitch: int
    """0 to 99."""
    pitch_range: int
    """0 to 99."""
    volume: int
    """0 to 200; 100 is the library's usual."""
    word_gap: int
    """Pause between words; see `backend.GAP_UNIT`."""

    def numbered(self) -> dict[int, int]:
        """Numbers of `espeak_PARAMETER` -> values."""
        return {1: self.rate, 2: self.volume, 3: self.pitch, 4: self.pitch_range, 7: self.word_gap}


@dataclass(frozen=True, slots=True)
class WordEvent:
    """The library begins a word."""

    position: int
    """Character of the text, from 0."""
    sample: int
    """Index in the audio of the text."""


AudioCallback = Callable[[Samples, Sequence[WordEvent]], None]
"""Takes a piece of audio, and the words that begin in it; may block, may raise to stop the engine."""


class Engine:
    """A private espeak-ng. Use it from one thread at a time."""

    def __init__(self, library: Path, data: Path) -> None:
        """Load and initialise a copy of `library`.

        Raises:
            BackendUnavailableError: it cannot be loaded, or does not take the data folder.
        """
        self._library = native.PrivateLibrary(library)
        self._c: Any = self._library.functions
        self._audio_callback: AudioCallback | None = None
        self._failure: BaseException | None = None
        self.sample_rate: int
        """Hz."""
        self.broken = False
        """Whether it failed in a way after which it is better replaced."""
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
        """Of the library, such as `1.52.0`."""
        return str(self._c.espeak_Info(None).decode())

    def voices(self) -> tuple[LibraryVoice, ...]:
        """All that can speak: without the mbrola ones and those whose dictionary is not installed."""
        listed = self._listed(None)
        return tuple(v for v in listed if not v.identifier.startswith("mb/") and _readable(v, self._data))

    def variants(self) -> tuple[LibraryVoice, ...]:
        """The timbres that can be added to any voice."""
        keep = ctypes.create_string_buffer(b"variant")
        wanted = native.VoiceRecord(languages=ctypes.addressof(keep))
        return tuple(self._listed(ctypes.byref(wanted)))

    def speak(
        self, text: bytes, parameters: SpeechParameters, on_audio: AudioCallback, *, ssml: bool = False
    ) -> None:
        """Speak UTF-8 `text`, handing audio to `on_audio` as it comes; returns at the end.

        An exception of `on_audio` stops the engine within one buffer and is raised here.

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
        """End and unload the library; the engine cannot be used any more."""
        self._c.espeak_Terminate()
        self._library.close()

    def _start(self) -> int:
        """Initialise; the sample rate in Hz.

        Again after every SSML document: one that leaves `<emphasis>` open, or is left inside of it,
        would make all that follows louder, and nothing else takes that back.
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
        """All of it for every text: the library remembers what was set before."""
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
        """Called by the library; 0 to go on, 1 to stop."""
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
    """Answer to `<audio src>` in SSML: never open the file, speak the text inside the element instead.

    Without this callback the library reads any file that a document names.
    """
    return 1


def _copied(samples: int | None, count: int) -> Samples:
    """The 16-bit samples at an address that is only valid now, as float32 in [-1, 1)."""
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
    """Whether the voice has a dictionary: that of its language, or the one that its file names."""
    language = voice.languages[0][0].partition("-")[0]
    if (data / f"{language}_dict").exists():
        return True
    definition = data / "lang" / voice.identifier
    if not definition.exists():
        return False
    named = re.search(r"^dictionary\s+(\w+)", definition.read_text("utf-8"), re.MULTILINE)
    return named is not None and (data / f"{named[1]}_dict").exists()


def _languages(address: int) -> Iterator[tuple[str, int]]:
    """Decode (priority byte, tag, NUL) repeated, ended by a zero priority."""
    while priority := ctypes.string_at(address, 1)[0]:
        tag = ctypes.string_at(address + 1)
        yield tag.decode().lower(), priority
        address += len(tag) + 2
