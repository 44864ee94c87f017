"""Phonemes by espeak-ng, clause by clause, each with its place in the text.

espeak-ng keeps all its state in global variables, and the loader maps a file once. So this uses a copy of the
library, which no other engine shares, and one thread at a time.
"""

from __future__ import annotations

import bisect
import ctypes
import itertools
import os
import re
import shutil
import tempfile
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from ctypes import POINTER, byref, c_char_p, c_int, c_void_p
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Protocol, cast

from tts_hub.errors import UnsupportedLanguageError
from tts_hub_piper.voice_config import unusable

OUTPUT_SYNCHRONOUS = 2
DONT_EXIT = 0x8000
"""Flag without which a failing espeak_Initialize ends the whole process."""
CHARS_UTF8 = 1
IPA = 2
"""The phoneme mode whose output is the International Phonetic Alphabet."""
REMEDY = "pip install espeakng-loader"
CACHED_WORDS = 8192
FILES = {"en-gb": "en", "es-mx": "es-419", "fr-fr": "fr", "no": "nb"}
"""Name of a language -> the voice file that speaks it, where that has another name."""
_MUCH_OF_A_WORD = re.compile(r"\w{100}(?=\w)")
"""espeak-ng leaves out the rest of a longer word without an error, so such words are cut."""
_LANGUAGE_FLAG = re.compile(r"\([^)]*\)")
"""The code of a language, which espeak-ng puts around the phonemes of foreign words."""


class _Loader(Protocol):
    """The used part of the package espeakng_loader."""

    def get_library_path(self) -> str:
        """The path of the shared library."""

    def get_data_path(self) -> str:
        """The path of the folder `espeak-ng-data`."""


@dataclass(frozen=True, slots=True)
class Clause:
    """A part of a text up to a mark at which the voice pauses."""

    phonemes: str
    """One symbol a character, accents apart (Unicode NFD), with a space between words."""
    start: int
    end: int
    """Characters `[start, end)` of the text, with the mark."""


class Espeak:
    """A copy of the library; any thread may use it."""

    def __init__(self) -> None:
        """Load the library. Blocking, some milliseconds.

        Raises:
            BackendUnavailableError: the package is missing, or the library cannot be loaded.
        """
        library, data = _installed_files()
        self._functions = _private_copy(library)
        self._functions.espeak_TextToPhonemes.restype = c_char_p
        self._functions.espeak_TextToPhonemes.argtypes = (POINTER(c_void_p), c_int, c_int)
        self._functions.espeak_SetVoiceByName.argtypes = (c_char_p,)
        if self._functions.espeak_Initialize(OUTPUT_SYNCHRONOUS, 0, os.fsencode(data), DONT_EXIT) < 0:
            raise unusable(f"espeak-ng cannot read its data in {data}", REMEDY)
        self._lock = threading.Lock()
        self._voice = ""
        self.word = lru_cache(CACHED_WORDS)(self._word)
        """The phonemes of a single word, given the word and espeak-ng's name of the voice."""

    def clauses(self, text: str, voice: str) -> list[Clause]:
        """The clauses of a text, read by a voice of espeak-ng. Blocking.

        Raises:
            UnsupportedLanguageError: espeak-ng has no such voice.
        """
        spaces = [found.end() for found in _MUCH_OF_A_WORD.finditer(text)]
        parts = [text[low:high] for low, high in itertools.pairwise((0, *spaces, len(text)))]
        with self._lock:
            self._set_voice(voice)
            read = list(self._read(" ".join(parts)))
        if not spaces:
            return read
        added = [place + n for n, place in enumerate(spaces)]  # in the text that was read

        def original(place: int) -> int:
            return place - bisect.bisect_left(added, place)

        return [replace(clause, start=original(clause.start), end=original(clause.end)) for clause in read]

    def _word(self, word: str, voice: str) -> str:
        return " ".join(clause.phonemes for clause in self.clauses(word, voice)).strip()

    def _set_voice(self, voice: str) -> None:
        if voice == self._voice:
            return
        self._voice = ""
        if self._functions.espeak_SetVoiceByName(FILES.get(voice, voice).encode()) != 0:
            raise UnsupportedLanguageError(f"espeak-ng has no voice {voice!r}")
        self._voice = voice

    def _read(self, text: str) -> Iterator[Clause]:
        """Read clause by clause: the library moves a pointer to where the next one begins.

        It has read one character too much by then, which belongs to the next clause.
        """
        raw = text.replace("\0", " ").encode()
        buffer = ctypes.create_string_buffer(raw)
        begin = ctypes.addressof(buffer)
        pointer = c_void_p(begin)
        start = read = bytes_read = 0
        while pointer.value:
            said = self._functions.espeak_TextToPhonemes(byref(pointer), CHARS_UTF8, IPA) or b""
            reached = pointer.value - begin if pointer.value else len(raw)
            read += len(raw[bytes_read:reached].decode(errors="ignore"))
            bytes_read = reached
            end = max(read - 1, start) if pointer.value else read
            phonemes = _LANGUAGE_FLAG.sub("", said.decode(errors="ignore"))
            yield Clause(unicodedata.normalize("NFD", " ".join(phonemes.split())), start, end)
            start = end


@cache
def shared_espeak() -> Espeak:
    """The one copy of the library in this process: a second one would stay in memory as well.

    Raises:
        BackendUnavailableError: the package is missing, or the library cannot be loaded.
    """
    return Espeak()


def _installed_files() -> tuple[Path, Path]:
    try:
        import espeakng_loader  # may be missing

        loader = cast("_Loader", espeakng_loader)
        return Path(loader.get_library_path()), Path(loader.get_data_path())
    except (ImportError, RuntimeError) as exc:
        raise unusable(f"espeak-ng: {exc}", REMEDY) from exc


def _private_copy(library: Path) -> ctypes.CDLL:
    """The library, loaded from a copy that is deleted again: a loaded one needs no name."""
    handle, name = tempfile.mkstemp(prefix="tts-hub-", suffix=library.suffix)
    os.close(handle)
    try:
        shutil.copyfile(library, name)
        return ctypes.CDLL(name)
    except OSError as exc:
        remedy = "set TMPDIR to a folder that is writable and not mounted noexec"
        raise unusable(f"espeak-ng cannot be loaded from {Path(name).parent}: {exc}", remedy) from exc
    finally:
        with suppress(OSError):
            Path(name).unlink()
