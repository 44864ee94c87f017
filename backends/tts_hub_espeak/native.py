"""The C interface of espeak-ng (`speak_lib.h`): layouts, numbers, and private copies of the library.

espeak-ng keeps all its state in global variables, so one loaded library speaks one text at a time.
The loader maps a file once per inode; a copy of the file is therefore a second, independent engine.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from ctypes import CFUNCTYPE, POINTER, c_char_p, c_int, c_long, c_size_t, c_ubyte, c_uint, c_void_p
from pathlib import Path
from typing import Protocol, cast

from tts_hub.errors import BackendUnavailableError

BACKEND = "espeak"
REMEDY = "pip install espeakng-loader"

OUTPUT_SYNCHRONOUS = 2
DONT_EXIT = 0x8000  # without it a failing espeak_Initialize ends the whole process
POSITION_CHARACTER = 1
CHARS_UTF8 = 1
SSML = 0x10
EVENT_END_OF_LIST = 0
EVENT_WORD = 1
STATUS = {-1: "internal error", 1: "buffer full", 2: "not found"}
"""Return code of the library -> meaning; 0 is success."""


class Event(ctypes.Structure):
    """The struct `espeak_EVENT`; only the size of its last member, a union, matters here."""

    _fields_ = (
        ("type", c_int),
        ("unique_identifier", c_uint),
        ("text_position", c_int),  # characters, from 1
        ("length", c_int),
        ("audio_position", c_int),  # milliseconds
        ("sample", c_int),  # exact index of the sample
        ("user_data", c_void_p),
        ("id", c_void_p),
    )


class VoiceRecord(ctypes.Structure):
    """The struct `espeak_VOICE`; `languages` is read byte by byte: priorities stand between its strings."""

    _fields_ = (
        ("name", c_char_p),
        ("languages", c_void_p),
        ("identifier", c_char_p),
        ("gender", c_ubyte),
        ("age", c_ubyte),
        ("variant", c_ubyte),
        ("reserved", c_ubyte),
        ("score", c_int),
        ("spare", c_void_p),
    )


SynthCallback = CFUNCTYPE(c_int, c_void_p, c_int, POINTER(Event))
UriCallback = CFUNCTYPE(c_int, c_int, c_char_p, c_char_p)

PROTOTYPES = {
    "espeak_Initialize": (c_int, (c_int, c_int, c_char_p, c_int)),
    "espeak_SetSynthCallback": (None, (SynthCallback,)),
    "espeak_SetUriCallback": (None, (UriCallback,)),
    "espeak_SetVoiceByName": (c_int, (c_char_p,)),
    "espeak_SetParameter": (c_int, (c_int, c_int, c_int)),
    "espeak_ListVoices": (POINTER(POINTER(VoiceRecord)), (POINTER(VoiceRecord),)),
    "espeak_Synth": (c_int, (c_char_p, c_size_t, c_uint, c_int, c_uint, c_uint, c_void_p, c_void_p)),
    "espeak_ng_SetRandSeed": (c_int, (c_long,)),
    "espeak_Info": (c_char_p, (POINTER(c_char_p),)),
    "espeak_Terminate": (c_int, ()),
}
"""Function -> (result, arguments)."""


class _Loader(Protocol):
    """The used part of the package espeakng_loader."""

    def get_library_path(self) -> str:
        """The path of the shared library."""

    def get_data_path(self) -> str:
        """The path of the folder `espeak-ng-data`."""


def installed_files() -> tuple[Path, Path]:
    """The shared library and its data folder, from the package `espeakng-loader`.

    Raises:
        BackendUnavailableError: the package or one of its files is missing.
    """
    try:
        import espeakng_loader  # may be missing

        loader = cast("_Loader", espeakng_loader)
        library, data = Path(loader.get_library_path()), Path(loader.get_data_path())
    except (ImportError, RuntimeError) as exc:
        raise BackendUnavailableError(f"espeak-ng: {exc}", backend=BACKEND, remedy=REMEDY) from exc
    if not library.is_file():
        raise BackendUnavailableError(f"espeak-ng: no library at {library}", backend=BACKEND, remedy=REMEDY)
    return library, data


class PrivateLibrary:
    """A loaded copy of the library, with global variables of its own."""

    def __init__(self, library: Path) -> None:
        """Copy and load `library`, in the first folder from which code may be loaded.

        Raises:
            BackendUnavailableError: there is no such folder.
        """
        problems: list[str] = []
        for folder in scratch_folders():
            try:
                self.functions, self._leftover = _load_copy(library, folder)
            except OSError as exc:
                problems.append(f"{folder}: {exc}")
            else:
                break
        else:
            raise BackendUnavailableError(
                f"espeak-ng: no folder to load a private copy of the library from ({'; '.join(problems)})",
                backend=BACKEND,
                remedy="set TMPDIR to a folder that is writable and not mounted noexec",
            )
        for name, (result, arguments) in PROTOTYPES.items():
            function = getattr(self.functions, name)
            function.restype, function.argtypes = result, arguments

    def close(self) -> None:
        """Unload the copy; none of its functions may be called afterwards."""
        _unload(self.functions)
        if self._leftover is not None:
            with suppress(OSError):
                self._leftover.unlink()


def scratch_folders() -> Iterator[Path]:
    """The folders to try for a copy of the library, the usual one first."""
    with suppress(OSError):
        yield Path(tempfile.gettempdir())
    for folder in (os.environ.get("XDG_RUNTIME_DIR"), "/dev/shm", os.environ.get("HOME")):  # noqa: S108
        if folder and Path(folder).is_dir():
            yield Path(folder)


def _load_copy(library: Path, folder: Path) -> tuple[ctypes.CDLL, Path | None]:
    """The loaded copy, and its file if the system cannot delete a loaded library."""
    handle, name = tempfile.mkstemp(prefix="tts-hub-", suffix=library.suffix, dir=folder)
    os.close(handle)
    copy = Path(name)
    try:
        shutil.copyfile(library, copy)
        functions = ctypes.CDLL(str(copy))
    except OSError:
        copy.unlink()
        raise
    try:
        copy.unlink()
    except OSError:
        return functions, copy
    return functions, None


def _unload(functions: ctypes.CDLL) -> None:
    import _ctypes  # ctypes itself offers no way to unload

    if sys.platform == "win32":
        _ctypes.FreeLibrary(functions._handle)
    else:
        _ctypes.dlclose(functions._handle)
